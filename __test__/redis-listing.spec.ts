import { randomUUID } from 'node:crypto'
import { Redis as Ioredis5 } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'

import { RedisStorage, type RedisStorageOptions } from '../index.js'
import type { ListingStorage, LockingStorage } from '../testing/case.js'
import samples from '../testing/samples.js'
import { runChild } from './support/child.js'
import { FakeClient } from './support/clients.js'
import { WAYS } from './support/lock-ways.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { startUpstash } from './support/upstash.js'

const { sample } = samples

type Storage = LockingStorage & ListingStorage & { touch(id: string): Promise<boolean> }

let server: RedisServer
let reader: Ioredis5
beforeAll(async () => {
  server = await startRedis()
  reader = new Ioredis5(server.port)
})
afterAll(async () => {
  await reader.quit()
  await server.stop()
})

async function idsOf(storage: Pick<ListingStorage, 'list'>, options?: object): Promise<string[]> {
  const ids = []
  for await (const { id } of storage.list(options)) ids.push(id)
  return ids.sort()
}

const opened = (options: RedisStorageOptions) => {
  const storage = new RedisStorage(options)
  onTestFinished(() => storage.close())
  return storage as unknown as Storage
}

/** What a server could take for a pattern, and keys of somebody else that would match it. */
const PATTERNS: [prefix: string, others: string[]][] = [
  ['f[ab]:', ['fa:', 'fb:']],
  ['f[^a]:', ['fb:', 'fc:']],
  ['f[a-c]:', ['fb:', 'f-:']],
  ['f*:', ['f:', 'fxyz:']],
  ['f?:', ['fx:', 'f*:']],
  ['f\\:', ['f:', 'f\\\\:']],
  ['f\\*:', ['f*:', 'f\\x:']],
  ['[', ['x', 'a[']],
  ['*', ['x', 'y']],
  ['\\', ['x']],
  ['{a}', ['a']],
]

for (const { name, open } of WAYS) {
  describe(name, () => {
    it('a prefix that looks like a pattern finds and clears its own, and nothing of others', async () => {
      for (const [pattern, others] of PATTERNS) {
        const place = `${randomUUID()}:`
        // Once as the prefix of a storage, and once as the prefix of ids.
        const storage = (await open(server.port, place + pattern)) as Storage
        const root = (await open(server.port, place)) as Storage
        await storage.save(sample('x'))
        for (const other of others) await root.save(sample(`${other}x`))
        expect(await idsOf(storage), pattern).toEqual(['x'])
        expect(await storage.count(), pattern).toBe(1)
        expect(await idsOf(root, { prefix: pattern }), pattern).toEqual([`${pattern}x`])
        expect((await storage.purge({ olderThan: 0, dryRun: true })).removed, pattern).toBeLessThan(2)
        expect(await storage.clear({ all: true }), pattern).toBe(1)
        expect(await idsOf(root), pattern).toEqual(others.map((other) => `${other}x`).sort())
      }
    })

    it('leaves out locks, keys that are no ids, and what is no text', async () => {
      const place = `${randomUUID()}:`
      const storage = (await open(server.port, place)) as Storage
      const key = `app:${place}`
      await reader.set(key, 'no id')
      await reader.set(key + 'y'.repeat(1025), 'too long')
      await reader.set(Buffer.concat([Buffer.from(`${key}bytes`), Buffer.of(0xc3, 0x28)]), 'no UTF-8')
      await reader.rpush(`${key}list`, 'x')
      await storage.save(sample('\ufffdlock:0abc'))
      await storage.withLock('locked', async () => {
        await storage.save(sample('locked'))
        expect(await idsOf(storage)).toEqual(['locked', '\ufffdlock:0abc'])
        expect(await storage.count()).toBe(2)
        await new Promise((resolve) => setTimeout(resolve, 60))
        expect(await storage.purge({ olderThan: 0.02 })).toEqual({ removed: 1, kept: 1, unknown: 0 })
        expect(await storage.clear({ all: true })).toBe(1)
      })
      expect(await reader.llen(`${key}list`)).toBe(1)
      expect(await reader.exists(key)).toBe(1)
    })

    it('a save during a purge of all that is older wins', async () => {
      const storage = (await open(server.port, `${randomUUID()}:`)) as Storage
      const ids = Array.from({ length: 40 }, (_, number) => `c-${number}`)
      for (let round = 0; round < 20; round++) {
        await Promise.all(ids.map((id) => storage.save(sample(id))))
        const purge = storage.purge({ olderThan: 0 })
        await Promise.all(ids.map((id) => storage.save(sample(id, { slots: { round } }))))
        await purge
        const states = await Promise.all(ids.map((id) => storage.load(id)))
        expect(states.filter((state) => state === null)).toEqual([])
      }
    })

    it('without an expiry the state tells its age', async () => {
      const storage = (await open(server.port, `${randomUUID()}:`, { ttl: 0 })) as Storage
      const ages: [string, unknown][] = [
        ['old', Date.now() - 7_200_000],
        ['young', Date.now()],
        ['seconds', Math.floor(Date.now() / 1000) - 7_200],
        ['none', undefined],
      ]
      for (const [id, updatedAt] of ages) await storage.save(sample(id, { updatedAt }))
      const expected = { removed: 1, kept: 1, unknown: 2 }
      expect(await storage.purge({ olderThan: 3_600, dryRun: true })).toEqual(expected)
      expect(await idsOf(storage, { updatedBefore: Date.now() - 3_600_000 })).toEqual(['old'])
      expect(await storage.withLock('old', () => storage.purge({ olderThan: 3_600 }))).toMatchObject({ removed: 0 })
      expect(await storage.purge({ olderThan: 3_600 })).toEqual(expected)
      expect(await idsOf(storage)).toEqual(['none', 'seconds', 'young'])
      for await (const one of storage.list()) expect(one).toMatchObject({ updatedAt: null, expiresAt: null })
    })

    it('a touch renews, and gives no expiry to what has none if the time to live is 0', async () => {
      const place = `${randomUUID()}:`
      const storage = (await open(server.port, place, { ttl: 100 })) as Storage
      const forever = (await open(server.port, place, { ttl: 0 })) as Storage
      expect(await storage.touch('a')).toBe(false)
      await storage.save(sample('a'))
      await reader.expire(`app:${place}a`, 10)
      expect(await forever.touch('a')).toBe(true)
      expect(await reader.ttl(`app:${place}a`)).toBeLessThanOrEqual(10)
      expect(await storage.touch('a')).toBe(true)
      expect(await reader.ttl(`app:${place}a`)).toBeGreaterThan(90)
      await reader.persist(`app:${place}a`)
      expect(await forever.touch('a')).toBe(true)
      expect(await reader.ttl(`app:${place}a`)).toBe(-1)
    })

    it('what the server does not permit is named, and nothing is removed', async () => {
      const place = `${randomUUID()}:`
      const user = `list:${name.replaceAll(' ', '')}`
      const allowed = ['get', 'set', 'setex', 'del', 'exists', 'expire', 'scan', 'strlen', 'pttl', 'eval', 'time']
      const rules = (missing?: string) =>
        ['reset', 'on', '>secret', '~app:*', '~nothing', '-@all', '+info', '+client'].concat(
          allowed.filter((command) => command !== missing).map((command) => `+${command}`),
        )
      await reader.acl('SETUSER', user, ...rules())
      const storage = (await open(server.port, place, { username: user, password: 'secret', ttl: 100 })) as Storage
      await storage.save(sample('a'))
      await new Promise((resolve) => setTimeout(resolve, 60))
      const calls: [string, () => Promise<unknown>][] = [
        ['scan', () => storage.count()],
        ['strlen', () => idsOf(storage)],
        ['pttl', () => idsOf(storage)],
        ['del', () => storage.clear({ all: true })],
        ['eval', () => storage.purge({ olderThan: 0 })],
        ['expire', () => storage.touch('a')],
      ]
      for (const [missing, call] of calls) {
        await reader.acl('SETUSER', user, ...rules(missing))
        await expect(call(), missing).rejects.toMatchObject({
          code: 'ERR_STORAGE_DENIED',
          message: expect.stringContaining(`'${missing}'`),
        })
        expect(await storage.load('a')).toEqual(sample('a'))
      }
      // Without +info it is done all the same.
      await reader.acl('SETUSER', user, ...rules(), '-info')
      expect(await idsOf(storage)).toEqual(['a'])
    })
  })
}

it('eight processes save and remove, and what was acknowledged stays', async () => {
  const prefix = `${randomUUID()}:`
  const connection = { port: server.port }
  const places = [
    { adapter: 'redis', options: { ...connection, prefix, ttl: 60 } },
    { adapter: 'ioredis', options: { connection, prefix, ttl: 60 } },
    { adapter: 'node-redis', options: { connection, prefix, ttl: 60 } },
  ]
  const children = Array.from({ length: 8 }, (_, number) =>
    runChild('purges.mjs', { place: places[number % 3], name: `p${number}`, olderThan: 0.4, milliseconds: 5_000 }),
  )
  const sum = { saves: 0, checked: 0, lost: 0, removed: 0 }
  for (const { stdout, stderr } of await Promise.all(children)) {
    expect(stderr).toBe('')
    const counts = JSON.parse(stdout)
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name]
  }
  if (process.env.FLOWKIT_VERBOSE) console.log(sum)
  expect(sum.lost).toBe(0)
  expect(sum.checked).toBeGreaterThan(0)
  expect(sum.removed).toBeGreaterThan(0)
})

it('an empty prefix of keys is not cleared, unless ids are named', async () => {
  const own = await startRedis()
  onTestFinished(() => own.stop())
  const client = new Ioredis5(own.port)
  const node = createClient({ url: `redis://127.0.0.1:${own.port}` })
  await node.connect()
  onTestFinished(async () => {
    await client.quit()
    node.destroy()
  })
  await client.set('foreign', '1', 'EX', 60)
  for (const options of [{ port: own.port }, { client }, { client, mode: 'inline' as const }, { client: node }]) {
    const storage = opened({ ...options, prefix: '' })
    await storage.save(sample('a:1'))
    for (const call of [storage.clear({ all: true }), storage.purge({ olderThan: 0 })]) {
      await expect(call).rejects.toMatchObject({
        code: 'ERR_STORAGE_INVALID_OPTIONS',
        message: expect.stringContaining('every key of the database'),
      })
    }
    expect(await storage.clear({ prefix: 'a:' })).toBe(1)
    expect(await client.exists('foreign')).toBe(1)
  }
})

it('the keyPrefix of node-redis 6 is neither listed nor put in front twice', async () => {
  const keyPrefix = `${randomUUID()}[*]:`
  const client = createClient({ url: `redis://127.0.0.1:${server.port}`, keyPrefix })
  await client.connect()
  onTestFinished(() => client.destroy())
  const storage = opened({ client, prefix: 'p:' })
  await storage.save(sample('a'))
  expect(await reader.exists(`${keyPrefix}p:a`)).toBe(1)
  expect(await idsOf(storage)).toEqual(['a'])
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect((await storage.purge({ olderThan: 0.02 })).removed).toBe(1)
  await storage.save(sample('b'))
  expect(await storage.clear({ all: true })).toBe(1)
})

it('a cursor goes on natively and inline alike', async () => {
  const client = new Ioredis5(server.port)
  onTestFinished(() => client.disconnect())
  const prefix = `${randomUUID()}:`
  const native = opened({ port: server.port, prefix })
  const storages = [native, opened({ client, prefix }), opened({ client, prefix, mode: 'inline' })]
  await Promise.all(Array.from({ length: 700 }, (_, number) => native.save(sample(`c-${number}`))))
  const found = new Set<string>()
  let cursor: string | null | undefined
  for (let page = 0; cursor !== null; page++) {
    const list = (storages[page % 3] as Storage).list({ limit: 30, ...(cursor && { cursor }) })
    for await (const { id } of list) found.add(id)
    cursor = list.cursor
  }
  expect(found.size).toBe(700)
})

it('@upstash/redis lists, counts and clears, and has no purge', async () => {
  const { Redis } = await import('@upstash/redis')
  const upstash = await startUpstash(inject('redisPort'))
  onTestFinished(() => upstash.stop())
  const client = new Redis({ url: upstash.url, token: 'secret' })
  const storage = opened({ client, prefix: `${randomUUID()}:` })
  expect((storage as unknown as RedisStorage).capabilities).toMatchObject({ lock: false, list: true })
  await Promise.all(['a', '1', '💬', 'null'].map((id) => storage.save(sample(id))))
  expect(await idsOf(storage)).toEqual(['1', 'a', 'null', '💬'])
  expect(await idsOf(storage, { prefix: '1' })).toEqual(['1'])
  await expect(storage.purge({ olderThan: 0 })).rejects.toMatchObject({ code: 'ERR_STORAGE_UNSUPPORTED' })
  expect(await storage.clear({ all: true })).toBe(4)
})

it('a client that cannot look through keys, or renew an expiry, says so', async () => {
  const storage = opened({ client: new FakeClient() })
  expect((storage as unknown as RedisStorage).capabilities).toMatchObject({ lock: false, list: false })
  const unsupported = (text: string) => ({
    code: 'ERR_STORAGE_UNSUPPORTED',
    message: expect.stringContaining(text),
  })
  for (const call of [idsOf(storage), storage.count(), storage.clear({ all: true }), storage.purge({ olderThan: 0 })]) {
    await expect(call).rejects.toMatchObject(unsupported('scan, strlen and pttl'))
  }
  await storage.save(sample('a'))
  await expect(storage.touch('a')).rejects.toMatchObject(unsupported('has no expire(key, seconds)'))
  expect(await opened({ client: new FakeClient(), ttl: 0 }).touch('a')).toBe(false)
})

it('a client inside MULTI lists nothing and says why', async () => {
  const client = new Ioredis5(server.port)
  onTestFinished(() => client.disconnect())
  const storage = opened({ client, prefix: `${randomUUID()}:`, mode: 'inline' })
  await client.multi({ pipeline: false })
  await expect(storage.count()).rejects.toMatchObject({
    code: 'ERR_STORAGE_UNAVAILABLE',
    message: expect.stringMatching(/MULTI/),
  })
  await client.discard()
  expect(await storage.count()).toBe(0)
})
