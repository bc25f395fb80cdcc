import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { RedisStorage } from '../index.js'
import { connected, MAJORS } from './support/ioredis.js'
import { startProxy } from './support/proxy.js'
import { ask } from './support/redis-cluster.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { versioned, versionOf } from './support/versions.mjs'
import { sleep } from './support/waiting.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server?.stop())

async function openLine() {
  const line = await startProxy(server.port)
  onTestFinished(() => line.close())
  return line
}

/** Holds back what writes version 2 until the client has given up the connection, and delivers it behind version 3. */
async function deliverLate(line: Awaited<ReturnType<typeof openLine>>, write: (version: number) => Promise<unknown>) {
  line.cut(true)
  const second = write(2)
  await sleep(200)
  const deliver = line.strand()
  await second
  await write(3)
  await deliver()
}

describe('a write that arrives late, over a connection that the client has given up', () => {
  it('cannot undo a newer one of a storage with its own connection', async () => {
    const line = await openLine()
    const storage = new RedisStorage({ port: line.port, prefix: 'own:' })
    onTestFinished(() => storage.close())
    await storage.save(versioned('a', 1))
    await deliverLate(line, (version) => storage.save(versioned('a', version)))
    expect(versionOf('a', await storage.load('a'))).toBe(3)
  })

  for (const { major, Ioredis } of MAJORS) {
    it(`cannot undo a newer one of a storage beside ioredis ${major}`, async () => {
      const line = await openLine()
      const client = connected(new Ioredis(line.port))
      await client.ping()
      const storage = new RedisStorage({ client, prefix: `beside:${major}:` })
      await storage.save(versioned('a', 1))
      expect(storage.mode).toBe('native')
      await deliverLate(line, (version) => storage.save(versioned('a', version)))
      expect(versionOf('a', await storage.load('a'))).toBe(3)
    })
  }

  // docs/redis.md says so. Should this fail with a later ioredis, the page can say better.
  for (const { major, Ioredis } of MAJORS) {
    it(`undoes a newer one of ioredis ${major} by itself`, async () => {
      const line = await openLine()
      const client = connected(new Ioredis(line.port))
      const key = `late:${major}`
      await client.set(key, '1')
      await deliverLate(line, (version) => client.set(key, String(version)))
      expect(await client.get(key)).toBe('2')
    })
  }
})

describe('a database that was chosen by select()', () => {
  for (const { major, Ioredis } of MAJORS) {
    it(`is forgotten by ioredis ${major} for what is called while it connects again; the option "db" is not`, async () => {
      for (const [options, expected] of [
        [{}, 0],
        [{ db: 1 }, 1],
      ] as const) {
        const client = connected(new Ioredis({ ...options, port: server.port, retryStrategy: () => 10 }))
        await client.select(1)
        const storage = new RedisStorage({ client, prefix: `select:${major}:${expected}:` })
        const saved = new Promise<void>((resolve, reject) => {
          client.once('connecting', () => storage.save(versioned('a', 1)).then(resolve, reject))
        })
        client.disconnect(true)
        await saved
        const where = await ask(server.port, async (reader) => {
          await reader.select(expected)
          return reader.exists(`select:${major}:${expected}:a`)
        })
        expect(where).toBe(1)
      }
    })
  }
})

describe('an ACL user that may do what docs/redis.md lists, and nothing else', () => {
  const own = ['+set', '+get', '+del', '+ping', '+select', '+client|info', '+client|id', '+client|kill']
  const least = ['+set', '+get', '+del']

  async function user(name: string, rules: string[]): Promise<{ username: string; password: string }> {
    await ask(server.port, (redis) => redis.acl('SETUSER', name, 'reset', 'on', '>secret', `~${name}:*`, ...rules))
    return { username: name, password: 'secret' }
  }

  async function works(storage: RedisStorage): Promise<void> {
    await storage.save(versioned('a', 1))
    expect(versionOf('a', await storage.load('a'))).toBe(1)
    await storage.delete('a')
    expect(await storage.load('a')).toBeNull()
    await storage.close()
  }

  it('serves a storage with its own connection', async () => {
    const full = await user('own', own)
    await works(new RedisStorage({ port: server.port, ...full, db: 2, prefix: 'own:' }))
    const bare = await user('bare', least)
    await works(new RedisStorage({ port: server.port, ...bare, prefix: 'bare:' }))
    const lost = new RedisStorage({ port: server.port, ...full, prefix: 'elsewhere:' })
    await expect(lost.load('a')).rejects.toMatchObject({ code: 'ERR_STORAGE_DENIED' })
  })

  it('is what the example makes', async () => {
    const page = readFileSync(new URL('../docs/redis.md', import.meta.url), 'utf8')
    const [, rules = ''] = /^ACL SETUSER bot (.*)$/m.exec(page) ?? []
    await ask(server.port, (redis) => redis.acl('SETUSER', 'bot', ...rules.split(' ')))
    const credentials = { port: server.port, username: 'bot', password: 'secret' }
    await works(new RedisStorage(credentials))
    for (const { Ioredis } of MAJORS) {
      await works(new RedisStorage({ client: connected(new Ioredis(credentials)) }))
    }
  })

  for (const { major, Ioredis } of MAJORS) {
    it(`serves a storage on ioredis ${major}`, async () => {
      const credentials = await user('client', [...least, '+info'])
      const client = connected(new Ioredis({ port: server.port, ...credentials }))
      await works(new RedisStorage({ client, prefix: 'client:' }))
      const unready = { port: server.port, ...(await user('unready', least)), enableReadyCheck: false }
      await works(new RedisStorage({ client: connected(new Ioredis(unready)), prefix: 'unready:' }))
    })
  }
})
