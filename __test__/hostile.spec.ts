import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'

import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage, StorageError } from '../index.js'
import { runChild } from './support/child.js'
import { temporaryDirectory } from './support/subjects.js'

// biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
type Wrong = any

const SECRET = 'hunter2'

function revoked(): Wrong {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const throwing = (name: string): Wrong =>
  Object.defineProperty({}, name, {
    enumerable: true,
    get() {
      throw new Error('a getter')
    },
  })

function refusal(construct: () => unknown): StorageError {
  try {
    construct()
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError)
    expect(error).toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS', operation: 'construct' })
    return error as StorageError
  }
  throw new Error('was not refused')
}

describe('what cannot be looked at', () => {
  it('is refused as options, as a client and as a database', () => {
    refusal(() => new FileStorage(revoked()))
    refusal(() => new MemoryStorage(revoked()))
    expect(refusal(() => new FileStorage(throwing('dir'))).cause).toMatchObject({ message: 'a getter' })
    refusal(() => new RedisStorage({ client: revoked() }))
    refusal(() => new RedisStorage({ client: throwing('get') }))
    refusal(() => new SQLiteStorage({ db: revoked() }))
    refusal(() => new SQLiteStorage({ db: throwing('prepare') }))
  })

  it('is no id and no state', async () => {
    const storage = new MemoryStorage()
    await expect(storage.load(revoked())).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_ID' })
    await expect(storage.delete(revoked())).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_ID' })
    await expect(storage.save(revoked())).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_STATE' })
    await expect(storage.save({ conversationId: revoked() } as Wrong)).rejects.toMatchObject({
      code: 'ERR_STORAGE_INVALID_STATE',
    })
  })

  it('is an error of the client all the same', async () => {
    const client = {
      get: async () => Object.create(null),
      set: () => Promise.reject(throwing('reason')),
      del: () => Promise.reject(revoked()),
    }
    const storage = new RedisStorage({ client: client as Wrong })
    await expect(storage.load('x')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' })
    await expect(storage.save({ conversationId: 'x' } as Wrong)).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
    })
    await expect(storage.delete('x')).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' })
  })

  it('rejects every operation on a database that breaks afterwards', async () => {
    const db = new Database(':memory:')
    let broken = false
    const handler: ProxyHandler<typeof db> = {
      get(target, name) {
        if (broken) throw new Error('a getter')
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    }
    const storage = new SQLiteStorage({ db: new Proxy(db, handler), mode: 'inline' })
    await storage.save({ conversationId: 'x' } as Wrong)
    broken = true
    const operations = [storage.save({ conversationId: 'x' } as Wrong), storage.load('x'), storage.delete('x')]
    for (const outcome of await Promise.allSettled(operations)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_STORAGE_INTERNAL' } })
    }
    broken = false
    expect(await storage.load('x')).toEqual({ conversationId: 'x' })
    db.close()
  })
})

it('an error of OpenSSL in a client is a cause, not ours', async () => {
  const error = Object.assign(new Error('write EPROTO'), {
    code: 'ERR_SSL_WRONG_VERSION_NUMBER',
    reason: 'wrong version',
  })
  const client = { get: () => Promise.reject(error), set: async () => 'OK', del: async () => 0 }
  const failed = await new RedisStorage({ client }).load('x').catch((failure) => failure)
  expect(failed).toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE', retryable: true })
  expect(failed.cause).toBe(error)
})

describe('a password', () => {
  it('is not shown where it was put into the wrong place', () => {
    for (const options of [
      { host: `redis://user:${SECRET}@h:6379` },
      { host: `user:${SECRET}@h` },
      { url: `redis://user:123#${SECRET}@h` },
      { url: `redis://user:123?${SECRET}@h` },
      { url: `redis:user:${SECRET}@h` },
      { [`redis://user:${SECRET}@h`.padStart(200)]: true },
    ]) {
      const error = refusal(() => new RedisStorage(options as Wrong))
      expect(error.message.length).toBeLessThan(300)
      if (!(Object.keys(options)[0] as string).includes(SECRET)) expect(inspect(error)).not.toContain(SECRET)
    }
  })

  it('is in no property of a storage', () => {
    for (const options of [{ url: `redis://user:${SECRET}@localhost` }, { username: 'user', password: SECRET }]) {
      const storage = new RedisStorage(options)
      expect(JSON.stringify(storage)).toBe('{}')
      expect(inspect(storage, { depth: 20, showHidden: true, getters: true, showProxy: true })).not.toContain(SECRET)
    }
  })

  it('is in no error of an operation', async () => {
    const { port, stop } = await impolite()
    const storage = new RedisStorage({ host: '127.0.0.1', port, username: 'user', password: SECRET })
    const error = await storage.load('x').catch((failure) => failure)
    expect(error).toMatchObject({ name: 'StorageError', code: 'ERR_STORAGE_DENIED', cause: { code: 'WRONGPASS' } })
    expect(error.message).toContain('\\u001b[31mwhat is')
    expect(error.message.length).toBeLessThan(600)
    expect(error.cause.message).not.toContain('\u001b')
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(SECRET)
    await storage.close()
    stop()
  })
})

/** A server that repeats what it was told, as some proxies do, with a colour of its own. */
async function impolite() {
  const { createServer } = await import('node:net')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const text = data.toString()
      const words = text.replaceAll(/[\r\n]+/g, ' ')
      const answer = `-WRONGPASS \u001b[31mwhat is "${words}"? ${'long '.repeat(1000)}\r\n`
      socket.write(answer.repeat([...text.matchAll(/\*\d+\r\n/g)].length))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as { port: number }).port, stop: () => server.close() }
}

it('an id cannot forge a line of a log or move its cursor', async () => {
  const dir = await temporaryDirectory()
  const storage = new FileStorage({ dir })
  for (const [index, hostile] of ['\n', '\u001b[2J', '\u009b2J', '\u202e', '\u2028', '\u007f'].entries()) {
    const id = `a${hostile}b${index}`
    // Where another program may have put it: its path is named in the message.
    writeFileSync(join(dir, `${id}.json`), 'no json')
    const error = await storage.load(id).catch((failure) => failure)
    expect(error.code).toBe('ERR_STORAGE_CORRUPT')
    expect(error.message).not.toContain(hostile)
  }
})

it('a polluted Object.prototype is no option and no state', async () => {
  // What it makes lies beside this one.
  const dir = join(await temporaryDirectory(), 'stolen')
  const { code, stdout, stderr } = await runChild('polluted.mjs', { dir })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({ settled: 'all', strangers: [] })
  expect(existsSync(dir)).toBe(false)
})
