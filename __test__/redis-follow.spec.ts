import { randomUUID } from 'node:crypto'
import { connect as connectSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis as Ioredis5, type RedisOptions } from 'ioredis'
import { Redis as Ioredis6 } from 'ioredis6'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'

import { RedisStorage } from '../index.js'
import samples from '../testing/samples.js'
import { type RedisServer, startRedis } from './support/redis-server.js'

const { sample } = samples

const MAJORS = [
  { major: 5, Ioredis: Ioredis5 },
  { major: 6, Ioredis: Ioredis6 as unknown as typeof Ioredis5 },
]

async function server(...args: string[]): Promise<RedisServer> {
  const started = await startRedis(...args)
  onTestFinished(() => started.stop())
  return started
}

function connected<T extends Ioredis5>(client: T): T {
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

function prefix() {
  return `${randomUUID()}:`
}

/** The server's connections, from CLIENT LIST, that are not those of the test's own `clients`; the first of them asks. */
async function ours(...clients: Ioredis5[]) {
  const known = await Promise.all(clients.map(async (client) => `id=${await client.client('ID')} `))
  const list = (await clients[0]?.client('LIST')) as string
  return list.split('\n').filter((line) => line !== '' && !known.some((id) => line.startsWith(id)))
}

/** A way to connect of the user's own. */
function connector(port: number) {
  return class {
    connect() {
      return Promise.resolve(connectSocket(port, '127.0.0.1'))
    }
    disconnect() {}
    check() {
      return true
    }
  }
}

describe.each(MAJORS)('beside ioredis $major', ({ Ioredis }) => {
  const connect = (options: RedisOptions = {}) => connected(new Ioredis({ port: inject('redisPort'), ...options }))

  it('is native from the first operation of a ready client on', async () => {
    const client = connect()
    await client.ping()
    const get = vi.fn()
    client.on('monitor', get)
    const storage = new RedisStorage({ client, prefix: prefix() })
    expect(storage.mode).toBe('bridge')
    const before = await client.info('commandstats')
    await storage.save(sample('a'))
    expect(storage).toMatchObject({ mode: 'native', modeReason: expect.stringMatching(/beside the client/) })
    expect(await storage.load('a')).toEqual(sample('a'))
    await storage.delete('a')
    expect(await storage.load('a')).toBeNull()
    expect(before).toContain('ping')
  })

  it('goes over the client as long as that is connecting, and native then', async () => {
    const client = connect({ lazyConnect: true })
    const storage = new RedisStorage({ client, prefix: prefix() })
    await storage.save(sample('a'))
    expect(storage).toMatchObject({ mode: 'bridge', modeReason: expect.stringMatching(/not ready/) })
    expect(await storage.load('a')).toEqual(sample('a'))
    expect(storage.mode).toBe('native')
  })

  it('is off where the option says so, and where a method was replaced', async () => {
    const client = connect()
    await client.ping()
    const off = new RedisStorage({ client, prefix: prefix(), native: false })
    await off.save(sample('a'))
    expect(off).toMatchObject({ mode: 'bridge', modeReason: expect.stringMatching(/"native"/) })
    const storage = new RedisStorage({ client, prefix: prefix() })
    await storage.save(sample('a'))
    expect(storage.mode).toBe('native')
    const set = vi.spyOn(client, 'set')
    await storage.save(sample('a', { step: 2 }))
    expect(set).toHaveBeenCalledOnce()
    expect(storage).toMatchObject({ mode: 'bridge', modeReason: expect.stringMatching(/replaced/) })
    set.mockRestore()
  })

  it('a subclass that sees every command goes on seeing them', async () => {
    const seen: string[] = []
    class Watched extends Ioredis {
      override sendCommand(...args: Parameters<Ioredis5['sendCommand']>) {
        seen.push(args[0].name)
        return super.sendCommand(...args)
      }
      override duplicate(...args: Parameters<Ioredis5['duplicate']>) {
        return super.duplicate(...args)
      }
    }
    const client = connected(new Watched(inject('redisPort')))
    await client.ping()
    const storage = new RedisStorage({ client, prefix: prefix() })
    await storage.save(sample('a'))
    expect(seen).toContain('set')
    expect(storage.mode).toBe('bridge')
  })

  it.each([
    ['a Connector of its own', { Connector: connector(inject('redisPort')) as never }],
    ['a replica', { readOnly: true }],
    ['a keyPrefix of bytes', { keyPrefix: Buffer.from('x') as never }],
  ])('%s stays on the bridge', async (_, options) => {
    const client = connected(new Ioredis({ port: inject('redisPort'), ...options }))
    await client.ping()
    const storage = new RedisStorage({ client, prefix: prefix() })
    await storage.save(sample('a'))
    expect(storage.mode).toBe('bridge')
  })

  it('keyPrefix, db, a run-time select, user and password are the client’s', async () => {
    const { port } = await server()
    const admin = connected(new Ioredis({ port }))
    await admin.call('ACL', 'SETUSER', 'bot', 'on', '>secret', '~*', '+@all')
    const client = connected(new Ioredis({ port, username: 'bot', password: 'secret', db: 3, keyPrefix: 'app:' }))
    await client.ping()
    const storage = new RedisStorage({ client })
    await storage.save(sample('a'))
    expect(storage.mode).toBe('native')
    expect(await ours(admin, client)).toEqual([expect.stringMatching(/db=3 .*user=bot/)])
    await admin.select(3)
    expect(await admin.get('app:flowkit:a')).toBe(JSON.stringify(sample('a')))
    await client.select(5)
    await storage.save(sample('b'))
    expect(await storage.load('a')).toBeNull()
    await sleep(20)
    expect(await storage.load('b')).toEqual(sample('b'))
    expect(storage.mode).toBe('native')
    await admin.select(5)
    expect(await admin.get('app:flowkit:b')).toBe(JSON.stringify(sample('b')))
    expect(await ours(admin, client)).toEqual([expect.stringMatching(/db=5 /)])
  })

  it('a changed password makes a new connection', async () => {
    const { port } = await server('--requirepass', 'one')
    const client = connected(new Ioredis({ port, password: 'one' }))
    await client.ping()
    const storage = new RedisStorage({ client })
    await storage.save(sample('a'))
    await client.config('SET', 'requirepass', 'two')
    client.options.password = 'two'
    for (let number = 0; number < 5; number++) await storage.save(sample('a', { number }))
    await sleep(20)
    expect(await storage.load('a')).toEqual(sample('a', { number: 4 }))
    expect(storage.mode).toBe('native')
  })

  it('a Unix socket', async () => {
    const { socket } = await server()
    const client = connected(new Ioredis({ path: socket }))
    await client.ping()
    const storage = new RedisStorage({ client })
    await storage.save(sample('a'))
    expect(await storage.load('a')).toEqual(sample('a'))
    expect(storage.mode).toBe('native')
  })

  it('a user without CLIENT, EVAL, INFO and PING', async () => {
    const { port } = await server()
    const admin = connected(new Ioredis({ port }))
    await admin.call('ACL', 'SETUSER', 'few', 'on', '>secret', '~*', '-@all', '+get', '+set', '+del')
    const client = connected(
      new Ioredis({ port, username: 'few', password: 'secret', enableReadyCheck: false, protocol: 2 } as RedisOptions),
    )
    const storage = new RedisStorage({ client })
    await client.get('x')
    await storage.save(sample('a'))
    expect(await storage.load('a')).toEqual(sample('a'))
    expect(storage.mode).toBe('native')
  })

  it('a user that may not delete gets the error of ioredis, and everything else goes on', async () => {
    const { port } = await server()
    const admin = connected(new Ioredis({ port }))
    await admin.call('ACL', 'SETUSER', 'few', 'on', '>secret', '~*', '+@all', '-del')
    const client = connected(new Ioredis({ port, username: 'few', password: 'secret' }))
    await client.ping()
    const storage = new RedisStorage({ client })
    for (let number = 0; number < 5; number++) {
      const started = [storage.save(sample('a', { number })), storage.delete('a'), storage.load('a')]
      const [saved, deleted, loaded] = await Promise.allSettled(started)
      expect(saved).toMatchObject({ status: 'fulfilled' })
      expect(deleted).toMatchObject({
        status: 'rejected',
        reason: { code: 'ERR_STORAGE_DENIED', cause: { name: 'ReplyError', message: expect.stringMatching(/NOPERM/) } },
      })
      expect(loaded).toMatchObject({ value: sample('a', { number }) })
    }
    expect((await ours(admin, client)).length).toBeLessThanOrEqual(1)
  })

  it('subscriber mode, and MULTI on the client, do not matter', async () => {
    const subscriber = connect()
    await subscriber.subscribe('news')
    const here = prefix()
    const storage = new RedisStorage({ client: subscriber, prefix: here })
    await storage.save(sample('a'))
    expect(await storage.load('a')).toEqual(sample('a'))
    expect(storage.mode).toBe('native')
    const client = connect()
    await client.multi({ pipeline: false })
    const other = new RedisStorage({ client, prefix: here })
    expect(await other.load('a')).toEqual(sample('a'))
    await client.discard()
  })

  it('all storages on one client share one connection, and close it with the last of them', async () => {
    const { port } = await server()
    const admin = connected(new Ioredis({ port }))
    const client = connected(new Ioredis({ port, connectionName: 'bots' }))
    await client.ping()
    const storages = [60, 60, 0].map((ttl, number) => new RedisStorage({ client, prefix: `${number}:`, ttl }))
    await Promise.all(storages.map((storage) => storage.save(sample('a'))))
    expect(await ours(admin, client)).toEqual([expect.stringMatching(/ name=bots:flowkit /)])
    expect(await admin.ttl('0:a')).toBeGreaterThan(50)
    expect(await admin.ttl('2:a')).toBe(-1)
    await storages[0].close()
    await storages[1].close()
    expect(await storages[2].load('a')).toEqual(sample('a'))
    expect(await ours(admin, client)).toHaveLength(1)
    await storages[2].close()
    await vi.waitFor(async () => expect(await ours(admin, client)).toHaveLength(0))
    expect(await client.ping()).toBe('PONG')
    await new RedisStorage({ client, prefix: '0:' }).save(sample('a'))
    expect(await ours(admin, client)).toHaveLength(1)
  })

  it('after the client’s quit() operations fail as the client’s do', async () => {
    const client = connect()
    await client.ping()
    const storage = new RedisStorage({ client, prefix: prefix() })
    await storage.save(sample('a'))
    await client.quit()
    await expect(storage.load('a')).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      cause: { message: 'Connection is closed.' },
    })
    expect(storage.mode).toBe('bridge')
  })

  it('a server with no room for one more connection is served over the client', async () => {
    const { port } = await server('--maxclients', '2')
    const admin = connected(new Ioredis({ port }))
    const client = connected(new Ioredis({ port }))
    await Promise.all([admin.ping(), client.ping()])
    const storage = new RedisStorage({ client })
    for (let number = 0; number < 20; number++) {
      await storage.save(sample('a', { number }))
      expect(await storage.load('a')).toEqual(sample('a', { number }))
    }
    expect(storage).toMatchObject({ mode: 'bridge', modeReason: expect.any(String) })
    await admin.config('SET', 'maxclients', '100')
    await vi.waitFor(
      async () => {
        await storage.load('a')
        expect(storage.mode).toBe('native')
      },
      { timeout: 20_000, interval: 50 },
    )
  })

  it('a killed connection, ours or the client’s, is nobody’s error', async () => {
    const { port } = await server()
    const admin = connected(new Ioredis({ port }))
    const client = connected(new Ioredis({ port }))
    await client.ping()
    const storage = new RedisStorage({ client })
    await storage.save(sample('a'))
    const [own] = await ours(admin, client)
    for (const id of [/^id=(\d+)/.exec(own)?.[1] ?? '', String(await client.client('ID'))]) {
      const burst = Array.from({ length: 200 }, (_, number) => storage.save(sample('a', { number })))
      await admin.client('KILL', 'ID', id)
      await Promise.all(burst)
      expect(await storage.load('a')).toEqual(sample('a', { number: 199 }))
    }
    await vi.waitFor(async () => {
      await storage.load('a')
      expect(storage.mode).toBe('native')
    })
  })

  it('a server that wakes up late does not bring old states back', async () => {
    const redis = await server()
    // The time without an answer after which the connection is given up is at most the client's.
    const client = connected(new Ioredis({ port: redis.port, commandTimeout: 300 }))
    await client.ping()
    const storage = new RedisStorage({ client })
    await storage.save(sample('a', { number: 0 }))
    for (let round = 1; round <= 5; round++) {
      redis.process.kill('SIGSTOP')
      const old = storage.save(sample('a', { number: -round })).catch((error) => error)
      await sleep(500)
      redis.process.kill('SIGCONT')
      const outcome = await old
      if (outcome !== undefined) expect(outcome).toMatchObject({ code: 'ERR_STORAGE_TIMEOUT', retryable: true })
      await storage.save(sample('a', { number: round }))
      await sleep(50)
      expect(await storage.load('a')).toEqual(sample('a', { number: round }))
    }
  })

  it('10,000 un-awaited operations keep their order while sides change', async () => {
    const client = connect()
    await client.ping()
    const storage = new RedisStorage({ client, prefix: prefix() })
    const replaced = client.get
    const started: Promise<unknown>[] = []
    for (let number = 0; number < 10_000; number++) {
      // Every few hundred operations a spy appears or goes.
      if (number % 300 === 0)
        client.get = function get(...args: Parameters<typeof replaced>) {
          return replaced.apply(this, args)
        } as never
      if (number % 300 === 150) Reflect.deleteProperty(client, 'get')
      started.push(storage.save(sample('a', { number })))
      started.push(storage.load('a').then((state) => expect(state).toEqual(sample('a', { number }))))
      if (number % 100 === 0) await sleep(0)
    }
    await Promise.all(started)
    await storage.close()
  })
})
