import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { RedisStorage } from '../index.js'
import { becomesNative, connected, MAJORS } from './support/ioredis.js'
import { startProxy } from './support/proxy.js'
import { ask } from './support/redis-cluster.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { startSlowProxy } from './support/slow-proxy.js'
import { versioned, versionOf } from './support/versions.mjs'
import { eventually } from './support/waiting.js'

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
  await eventually('the write has left the client', () => line.held() > 0)
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
      await becomesNative(storage)
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

describe('a slow line', () => {
  it('is not taken for silence, with a connection of its own or beside a client', async () => {
    const state = versioned('large', 1)
    const large = { ...state, slots: { text: 'x'.repeat(6_500_000) } }
    const lines = await Promise.all([startSlowProxy(server.port, 1e6), startSlowProxy(server.port, 1e6)])
    onTestFinished(async () => void (await Promise.all(lines.map((line) => line.close()))))
    const [own, beside] = lines as [{ port: number }, { port: number }]
    const [{ Ioredis }] = MAJORS as [(typeof MAJORS)[number]]
    const client = connected(new Ioredis(beside.port))
    await client.ping()
    const storages = [
      new RedisStorage({ port: own.port, prefix: 'slow:own:' }),
      new RedisStorage({ client, prefix: 'slow:beside:', timeout: 5_000 }),
    ]
    onTestFinished(async () => void (await Promise.all(storages.map((storage) => storage.close()))))
    // The time-out of the client does not count for the sidecar. Had it handed back, the client would have run out of time.
    for (const storage of storages) await storage.save(state)
    await becomesNative(storages[1] as RedisStorage)
    await Promise.all(storages.flatMap((storage) => [storage.save(large), storage.save(versioned('small', 1))]))
    for (const storage of storages) expect(await storage.load('large')).toEqual(large)
    expect(storages.map((storage) => storage.mode)).toEqual(['native', 'native'])
  })
})

// Only Linux tells how long sent bytes may stay without an acknowledgement. The test needs a network of its own.
const hasOwnNetwork =
  process.platform === 'linux' && spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0

describe('a network that loses every packet for a while', () => {
  it.skipIf(!hasOwnNetwork)('breaks the connection, and what was sent is sent again', async () => {
    const child = fileURLToPath(new URL('children/vanish.mjs', import.meta.url))
    const { stdout } = await promisify(execFile)('unshare', ['-n', process.execPath, child])
    expect(JSON.parse(stdout)).toEqual([1, 'done', 2])
  })
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
