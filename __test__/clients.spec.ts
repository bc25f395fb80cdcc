import { randomUUID } from 'node:crypto'
import { Redis as Ioredis5 } from 'ioredis'
import { Redis as Ioredis6 } from 'ioredis6'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'

import { RedisStorage } from '../index.js'
import testing from '../testing/index.js'
import samples from '../testing/samples.js'
import { checkHas } from './has.js'
import { CLIENTS, type Connected, FakeClient } from './support/clients.js'
import { startRedis } from './support/redis-server.js'

const { sample } = samples

for (const kind of CLIENTS) {
  describe(kind.name, () => {
    let connected: Connected
    beforeAll(async () => {
      connected = await kind.connect()
    })
    afterAll(() => connected.end())
    const prefixes = new WeakMap<object, string>()
    testing.runStorageContract(
      async (options) => {
        const prefix = `${randomUUID()}:`
        const storage = new RedisStorage({ client: connected.client, prefix, ...options })
        prefixes.set(storage, prefix)
        return storage
      },
      {
        name: 'the contract',
        timeout: 300_000,
        codes: true,
        lock: kind.locks !== false,
        list: kind.locks !== false,
        retention: kind.expires !== false,
        plant: (storage: object, id: string, text: string) => connected.set(prefixes.get(storage) + id, text),
        describe,
        it,
        ...kind.contract,
      },
    )

    it('has tells whether something is stored', async () => {
      const prefix = `${randomUUID()}:`
      const storage = new RedisStorage({ client: connected.client, prefix })
      await checkHas(storage, (id, text) => connected.set(prefix + id, text))
    })

    it('is left as it is: open, and without listeners of ours', async () => {
      const client = connected.client as unknown as { listenerCount?: (name: string) => number; status?: string }
      const events = ['error', 'end', 'close', 'ready', 'connect']
      const count = () => events.map((event) => client.listenerCount?.(event))
      const before = count()
      for (let number = 0; number < 20; number++) {
        const storage = new RedisStorage({ client: connected.client })
        await storage.save(sample('left-alone'))
        await storage.close()
      }
      expect(count()).toEqual(before)
      expect(await new RedisStorage({ client: connected.client }).load('left-alone')).toEqual(sample('left-alone'))
    })
  })
}

describe('expiry', () => {
  it('is set by every kind of client in the same way', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const reader = new Ioredis5(server.port)
    onTestFinished(async () => void (await reader.quit()))
    const { createClient } = await import('redis')
    const nodeRedis = createClient({ url: `redis://127.0.0.1:${server.port}` })
    await nodeRedis.connect()
    onTestFinished(() => nodeRedis.destroy())
    const setexOnly = {
      get: (key: string) => reader.get(key),
      setex: (key: string, ttl: number, value: string) => reader.setex(key, ttl, value),
      del: (key: string) => reader.del(key),
    }
    for (const client of [reader, nodeRedis, setexOnly]) {
      await new RedisStorage({ client, ttl: 100 }).save(sample('a'))
      expect(await reader.ttl('flowkit:a')).toBeGreaterThan(95)
      await new RedisStorage({ client }).save(sample('a'))
      expect(await reader.ttl('flowkit:a')).toBeGreaterThan(86_300)
      await reader.del('flowkit:a')
    }
    for (const client of [reader, nodeRedis]) {
      await new RedisStorage({ client, ttl: 0 }).save(sample('a'))
      expect(await reader.ttl('flowkit:a')).toBe(-1)
    }
  })
})

describe('trouble', () => {
  it('a client inside MULTI is told from an absent conversation', async () => {
    const client = new Ioredis5(inject('redisPort'))
    onTestFinished(() => client.disconnect())
    const storage = new RedisStorage({ client, prefix: `${randomUUID()}:`, mode: 'inline' })
    await client.multi({ pipeline: false })
    for (const operation of [storage.load('a'), storage.save(sample('a')), storage.delete('a')]) {
      await expect(operation).rejects.toMatchObject({
        code: 'ERR_STORAGE_UNAVAILABLE',
        message: expect.stringMatching(/MULTI/),
      })
    }
    await client.discard()
    expect(await storage.load('a')).toBeNull()
  })

  it('a client in subscriber mode says so', async () => {
    const client = new Ioredis5(inject('redisPort'))
    onTestFinished(() => client.disconnect())
    await client.subscribe('news')
    await expect(new RedisStorage({ client, mode: 'inline' }).load('a')).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/subscriber mode/),
      cause: expect.any(Error),
    })
  })

  it('the errors of the client are causes, with our codes', async () => {
    const server = await startRedis('--requirepass', 'secret')
    onTestFinished(() => server.stop())
    const options = { port: server.port, password: 'hunter2', retryStrategy: () => null }
    for (const client of [new Ioredis5(options), new Ioredis6(options)]) {
      client.on('error', () => {})
      onTestFinished(() => client.disconnect())
      const error = await new RedisStorage({ client }).load('a').then(
        () => undefined,
        (reason) => reason,
      )
      expect(error).toMatchObject({
        name: 'StorageError',
        adapter: 'redis',
        operation: 'load',
        cause: expect.any(Error),
      })
      expect(['ERR_STORAGE_DENIED', 'ERR_STORAGE_UNAVAILABLE']).toContain(error.code)
      client.disconnect()
      await expect(new RedisStorage({ client }).save(sample('a'))).rejects.toMatchObject({
        code: 'ERR_STORAGE_UNAVAILABLE',
      })
    }
    const client = new Ioredis5(inject('redisPort'))
    onTestFinished(() => client.disconnect())
    const prefix = `${randomUUID()}:`
    await client.lpush(`${prefix}a`, 'x')
    await expect(new RedisStorage({ client, prefix }).load('a')).rejects.toMatchObject({
      code: 'ERR_STORAGE_CORRUPT',
      cause: { message: expect.stringMatching(/^WRONGTYPE/) },
    })
  })

  it('a promise that the client has lost is given up', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const client = new Ioredis5(server.port, { autoResendUnfulfilledCommands: false, retryStrategy: () => null })
    client.on('error', () => {})
    onTestFinished(() => client.disconnect())
    await new RedisStorage({ client }).save(sample('a'))
    server.process.kill('SIGSTOP')
    const lost = new RedisStorage({ client, timeout: 500 }).load('a')
    setTimeout(() => server.process.kill('SIGKILL'), 100)
    await expect(lost).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_STORAGE_(TIMEOUT|UNAVAILABLE)$/),
      retryable: true,
    })
  })

  it('a client that never answers is given up, and the next operation goes on', async () => {
    const client = new FakeClient()
    client.get = () => new Promise(() => {})
    const storage = new RedisStorage({ client, timeout: 200 })
    const started = [storage.load('a'), storage.load('a'), storage.load('b')]
    for (const outcome of await Promise.allSettled(started)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_STORAGE_TIMEOUT' } })
    }
    await storage.save(sample('a'))
    expect(client.map.get('flowkit:a')).toBe(JSON.stringify(sample('a')))
    await storage.close()
  })

  it('a client that answers without promises, or throws', async () => {
    const callbacks = { get() {}, set() {}, del() {} }
    const storage = new RedisStorage({ client: callbacks as never })
    await expect(storage.load('a')).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS' })
    const throwing = new FakeClient()
    throwing.get = () => {
      throw new RangeError('mine')
    }
    await expect(new RedisStorage({ client: throwing }).load('a')).rejects.toMatchObject({
      name: 'StorageError',
      cause: expect.any(RangeError),
    })
  })
})

describe('the methods are those of the client at the moment', () => {
  it('spies see them', async () => {
    const client = new Ioredis5(inject('redisPort'))
    onTestFinished(() => client.disconnect())
    const storage = new RedisStorage({ client, prefix: `${randomUUID()}:` })
    const set = vi.spyOn(client, 'set')
    const get = vi.spyOn(client, 'get')
    await storage.save(sample('a'))
    await storage.load('a')
    expect(set).toHaveBeenCalledOnce()
    expect(get).toHaveBeenCalledOnce()
  })

  it('keyPrefix and select are honoured', async () => {
    const prefix = `${randomUUID()}:`
    const client = new Ioredis5(inject('redisPort'), { keyPrefix: prefix, db: 7 })
    const raw = new Ioredis5(inject('redisPort'), { db: 7 })
    onTestFinished(() => {
      client.disconnect()
      raw.disconnect()
    })
    await new RedisStorage({ client, prefix: 'p:' }).save(sample('a'))
    expect(await raw.get(`${prefix}p:a`)).toBe(JSON.stringify(sample('a')))
    await raw.del(`${prefix}p:a`)
  })
})
