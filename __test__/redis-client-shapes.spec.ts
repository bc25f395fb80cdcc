// What a client makes of an expiry and of a key to delete is known by its shape, before the first save.
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { Redis as Upstash } from '@upstash/redis'
import { Batch as GlideBatch, GlideClient } from '@valkey/valkey-glide'
import { Cluster, Redis } from 'ioredis'
import { Redis as Iovalkey } from 'iovalkey'
import { createClient, createClientPool } from 'redis'
import { createClient as createClient4 } from 'redis4'
import { Tedis } from 'tedis'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'

import { RedisStorage, type RedisStorageOptions } from '../index.js'
import samples from '../testing/samples.js'
import { FakeClient } from './support/clients.js'
import { connected, prefix } from './support/ioredis.js'
import { startUpstash } from './support/upstash.js'

const { sample } = samples
const require = createRequire(import.meta.url)

type Client = NonNullable<RedisStorageOptions['client']>

const at = () => ({ host: '127.0.0.1', port: inject('redisPort') })
const reader = () => connected(new Redis(inject('redisPort')))

async function glide(): Promise<GlideClient> {
  const client = await GlideClient.createClient({ addresses: [at()] })
  onTestFinished(() => client.close())
  return client
}

async function upstash(options: { automaticDeserialization?: boolean } = {}): Promise<Upstash> {
  const server = await startUpstash(inject('redisPort'))
  onTestFinished(() => server.stop())
  return new Upstash({ url: server.url, token: 'secret', ...options })
}

async function nodeRedis(create: typeof createClient): Promise<Client> {
  const client = create({ url: `redis://127.0.0.1:${inject('redisPort')}` })
  await client.connect()
  onTestFinished(async () => client.destroy?.() ?? client.disconnect?.())
  return client
}

const KINDS: [name: string, connect: () => Promise<Client>][] = [
  ['ioredis', async () => reader()],
  ['a Proxy around ioredis', async () => new Proxy(reader(), { get: (target, name) => bound(target, name) })],
  ['iovalkey', async () => connected(new Iovalkey(inject('redisPort')) as unknown as Redis)],
  ['node-redis 6', () => nodeRedis(createClient)],
  ['node-redis 4', () => nodeRedis(createClient4 as unknown as typeof createClient)],
  ['Valkey GLIDE', glide],
  ['@upstash/redis', upstash],
  [
    'tedis',
    async () => {
      const client = new Tedis(at())
      onTestFinished(() => client.close())
      return client
    },
  ],
]

// biome-ignore lint/suspicious/noExplicitAny: a member of any kind
function bound(target: any, name: PropertyKey) {
  const member = target[name]
  return typeof member === 'function' ? member.bind(target) : member
}

describe.each(KINDS)('%s', (_name, connect) => {
  it('stores with an expiry, deletes the one key, and tells whether it is there', async () => {
    const raw = reader()
    const client = await connect()
    // The letters of the key, which a client might take it for a list of.
    const key = 'chat:u'
    await raw.mset('a', '1', 'u', '2', ':', '3')
    const storage = new RedisStorage({ client, prefix: 'chat:', ttl: 60 })
    await storage.save(sample('u'))
    expect(await raw.ttl(key)).toBeGreaterThan(55)
    expect(await raw.get(key)).toBe(JSON.stringify(sample('u')))
    expect(await storage.load('u')).toEqual(sample('u'))
    expect(await storage.has('u')).toBe(true)
    await storage.delete('u')
    expect(await storage.load('u')).toBeNull()
    expect(await storage.has('u')).toBe(false)
    expect(await raw.exists(key)).toBe(0)
    expect(await raw.mget('a', 'u', ':')).toEqual(['1', '2', '3'])
    await new RedisStorage({ client, prefix: 'chat:', ttl: 0 }).save(sample('u'))
    expect(await raw.ttl(key)).toBe(-1)
    await raw.del(key)
  })
})

describe('a client that parses JSON', () => {
  it('loses nothing, and corrupt is still not absent', async () => {
    const raw = reader()
    const start = prefix()
    const storage = new RedisStorage({ client: await upstash(), prefix: start })
    const text =
      '{"conversationId":"a","1":1e21,"__proto__":{"x":-0.5},"deep":[[[]]],"text":"\\ud800\\u2028💬","n":123,"s":"123"}'
    await raw.set(`${start}a`, text)
    expect(JSON.stringify(await storage.load('a'))).toBe(JSON.stringify(JSON.parse(text)))
    for (const [number, corrupt] of ['5', 'true', '"x"', '[1]', '{}', '{', 'x', ''].entries()) {
      await raw.set(`${start}c${number}`, corrupt)
      await expect(storage.load(`c${number}`)).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' })
      await storage.save(sample(`c${number}`))
      expect(await storage.load(`c${number}`)).toEqual(sample(`c${number}`))
    }
  })
})

it('an error of the client tells the reason, and nothing of the state', async () => {
  const raw = reader()
  const start = prefix()
  await raw.lpush(`${start}list`, 'x')
  for (const client of [await upstash(), await glide()]) {
    const error = await new RedisStorage({ client, prefix: start }).load('list').catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ERR_STORAGE_CORRUPT', cause: { message: expect.stringMatching(/WRONGTYPE/) } })
  }
  const state = sample('a', { slots: { secret: 's3cret' } })
  const words = `OOM command not allowed, command was: ${JSON.stringify(['set', 'a', JSON.stringify(state)])}`
  for (const message of [words, `Command failed: ${words}`]) {
    const client = Object.assign(new FakeClient(), { set: () => Promise.reject(new Error(message)) })
    const error = await new RedisStorage({ client }).save(state).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE', message: expect.stringMatching(/out of memory/) })
    expect(error.message).not.toContain('s3cret')
  }
})

it.each([
  ['ioredis-mock', () => new (require('ioredis-mock'))()],
  ['a Proxy around ioredis', () => new Proxy(reader(), { get: (target, name) => bound(target, name) })],
])('%s is called with set, as ioredis is', async (_name, make) => {
  const client = make()
  const set = vi.fn((...args: unknown[]) => client.set(...(args as [string, string])))
  const watched = new Proxy(client, { get: (target, name) => (name === 'set' ? set : bound(target, name)) })
  await new RedisStorage({ client: watched, prefix: 'set:', ttl: 60 }).save(sample('a'))
  expect(set).toHaveBeenCalledExactlyOnceWith('set:a', JSON.stringify(sample('a')), 'EX', 60)
  await client.del('set:a')
})

describe('a client of an unknown kind', () => {
  it('is called with setex, if it has that', async () => {
    const client = Object.assign(new FakeClient(), { setex: vi.fn(async () => 'OK'), set: vi.fn(async () => 'OK') })
    await new RedisStorage({ client, ttl: 60 }).save(sample('a'))
    expect(client.setex).toHaveBeenCalledExactlyOnceWith('flowkit:a', 60, JSON.stringify(sample('a')))
    expect(client.set).not.toHaveBeenCalled()
  })

  it('is called as documented, if it has no more than get, set and del', async () => {
    const client = { get: vi.fn(async () => null), set: vi.fn(async () => 'OK'), del: vi.fn(async () => 1) }
    const storage = new RedisStorage({ client, ttl: 60 })
    await storage.save(sample('a'))
    await storage.delete('a')
    expect(client.set).toHaveBeenCalledExactlyOnceWith('flowkit:a', JSON.stringify(sample('a')), 'EX', 60)
    expect(client.del).toHaveBeenCalledExactlyOnceWith('flowkit:a')
  })

  it.each<[string, (client: FakeClient) => unknown, RegExp]>([
    ['with an object of options', () => objectsOptions(), /set of three parameters/],
    ['a promise', async (client) => client, /promise/],
    ['a class', () => Redis, /class/],
    ['an address', () => new URL('redis://127.0.0.1'), /"url"/],
    ['text', () => 'redis://127.0.0.1', /"url"/],
    ['a pool', () => ({ acquire: async () => null, release() {} }), /pool/],
    ['the module', () => require('redis'), /createClient/],
    ['redis-mock, which has callbacks', () => require('redis-mock').createClient(), /callbacks/],
    ['a pipeline of ioredis', () => new Redis({ lazyConnect: true }).pipeline(), /pipeline/],
    ['a pipeline of a Cluster', () => new Cluster([], { lazyConnect: true }).pipeline(), /pipeline/],
    ['MULTI of node-redis', () => createClient().multi(), /transaction/],
    ['MULTI of node-redis 4', () => createClient4().multi(), /transaction/],
    ['a pipeline of Upstash', () => new Upstash({ url: 'http://127.0.0.1', token: 'x' }).pipeline(), /pipeline/],
    ['a batch of GLIDE', () => new GlideBatch(false), /batch/],
    ['node-redis 5, legacy', () => createClient().legacy(), /legacy/],
  ])('is refused: %s', (_name, make, message) => {
    const client = make(new FakeClient())
    expect(() => new RedisStorage({ client: client as never })).toThrow(
      expect.objectContaining({ code: 'ERR_STORAGE_INVALID_OPTIONS', message: expect.stringMatching(message) }),
    )
  })

  it('a pool of node-redis keeps the order', async () => {
    const pool = createClientPool({ url: `redis://127.0.0.1:${inject('redisPort')}` }, { minimum: 4 })
    await pool.connect()
    onTestFinished(() => pool.destroy())
    const storage = new RedisStorage({ client: pool, prefix: prefix() })
    for (let step = 0; step < 200; step++) {
      storage.save(sample('a', { step }))
      expect(await storage.load('a')).toEqual(sample('a', { step }))
    }
  })
})

/** Like GLIDE, without its other methods: a text is a list of its letters. */
function objectsOptions() {
  const map = new Map<string, string>()
  return {
    get: async (key: string) => map.get(key) ?? null,
    set: async (key: string, value: string, options: { expiry?: object }) => options && map.set(key, value),
    del: async (keys: Iterable<string>) => [...keys].filter((key) => map.delete(key)).length,
  }
}

describe('a client that mixes up its replies', () => {
  /** A client whose next reply to `method` is that of another command. */
  function mixed(method: 'set' | 'setex' | 'del' | 'exists', reply: unknown) {
    const fake = new FakeClient()
    const client = {
      get: vi.fn((key: string) => fake.get(key)),
      set: vi.fn((key: string, value: string) => fake.set(key, value)),
      setex: vi.fn((key: string, ttl: number, value: string) => fake.set(key, value, 'EX', ttl)),
      del: vi.fn((key: string) => fake.del(key)),
      exists: vi.fn(async (key: string) => Number(fake.map.has(key))),
    }
    client[method].mockResolvedValueOnce(reply as never)
    return client
  }

  it.each([
    ['save', 'setex', JSON.stringify(sample('b'))],
    ['save', 'setex', 1],
    ['save', 'setex', null],
    ['save', 'setex', Buffer.from('{"conversationId":"b"}')],
    ['delete', 'del', 'OK'],
    ['delete', 'del', null],
    ['has', 'exists', 'OK'],
    ['has', 'exists', JSON.stringify(sample('b'))],
  ] as const)('is never used again: %s, with %s replying %j', async (operation, method, reply) => {
    const client = mixed(method, reply)
    const storage = new RedisStorage({ client })
    const other = new RedisStorage({ client, prefix: 'other:' })
    const failure = { code: 'ERR_STORAGE_UNAVAILABLE', message: expect.stringMatching(/make a new client/) }
    const run = () => (operation === 'save' ? storage.save(sample('a')) : storage[operation]('a'))
    const later = [run(), storage.load('a')].map((promise) => expect(promise).rejects.toMatchObject(failure))
    await Promise.all(later)
    for (const promise of [storage.load('a'), other.load('a'), other.save(sample('a')), other.delete('a')]) {
      await expect(promise).rejects.toMatchObject(failure)
    }
    // What was called behind the mixed-up one was not sent either.
    expect(client.get).not.toHaveBeenCalled()
  })

  it('is none if it makes text of numbers, bytes of text, or true of OK', async () => {
    for (const [method, reply] of [
      ['setex', Buffer.from('OK')],
      ['setex', true],
      ['setex', undefined],
      ['del', '1'],
      ['del', 1n],
      ['exists', Buffer.from('0')],
      ['exists', false],
    ] as const) {
      const storage = new RedisStorage({ client: mixed(method, reply) })
      await storage.save(sample('a'))
      await storage.has('a')
      await storage.delete('a')
      await storage.load('a')
    }
  })

  it('and a stored text is a text, whatever it says', async () => {
    const client = new FakeClient()
    const storage = new RedisStorage({ client })
    client.map.set('flowkit:a', 'OK')
    await expect(storage.load('a')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' })
    await storage.save(sample('a'))
    expect(await storage.load('a')).toEqual(sample('a'))
  })

  it('is seen where Upstash, after an error of its own, pairs replies with the wrong commands', async () => {
    const client = await upstash()
    const storage = new RedisStorage({ client, prefix: `${randomUUID()}:` })
    await storage.save(sample('a'))
    // The program's own mistake: `set(key, value, 'EX', 60)` is no call of this client. It takes a place in the pipeline.
    const wrong = client.set('mine', 'x', 'EX' as never).catch((error) => error)
    const outcomes = await Promise.allSettled([storage.save(sample('b')), storage.delete('a'), wrong])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
  })
})
