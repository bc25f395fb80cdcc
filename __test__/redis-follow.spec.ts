import { connect as connectSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis as Ioredis5, RedisOptions } from 'ioredis'
import { describe, expect, inject, it, vi } from 'vitest'

import { RedisStorage } from '../index.js'
import samples from '../testing/samples.js'
import { becomesNative, connected, MAJORS, ours, prefix, server } from './support/ioredis.js'
import { LONG } from './support/waiting.js'

const { sample } = samples

/** A way to connect that the user chose. */
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
    await becomesNative(storage)
    const before = await client.info('commandstats')
    await storage.save(sample('a'))
    await becomesNative(storage)
    expect(storage).toMatchObject({ mode: 'native', modeReason: expect.stringMatching(/beside the client/) })
    expect(await storage.load('a')).toEqual(sample('a'))
    await storage.delete('a')
    expect(await storage.load('a')).toBeNull()
    expect(before).toContain('ping')
  })

  it('goes over the client as long as that is connecting, and native then', async () => {
    const client = connect({ lazyConnect: true })
    const storage = new RedisStorage({ client, prefix: prefix() })
    expect(storage).toMatchObject({ mode: 'inline', modeReason: expect.stringMatching(/not ready/) })
    await storage.save(sample('a'))
    expect(await storage.load('a')).toEqual(sample('a'))
    await becomesNative(storage)
  })

  it('is off where the option says so, and where a method was replaced', async () => {
    const client = connect()
    await client.ping()
    const off = new RedisStorage({ client, prefix: prefix(), mode: 'inline' })
    await off.save(sample('a'))
    expect(off).toMatchObject({ mode: 'inline', modeReason: expect.stringMatching(/"mode"/) })
    const storage = new RedisStorage({ client, prefix: prefix() })
    await storage.save(sample('a'))
    await becomesNative(storage)
    const set = vi.spyOn(client, 'set')
    await storage.save(sample('a', { step: 2 }))
    expect(set).toHaveBeenCalledOnce()
    expect(storage).toMatchObject({ mode: 'inline', modeReason: expect.stringMatching(/replaced/) })
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
    expect(storage.mode).toBe('inline')
  })

  it.each([
    ['a Connector of its own', { Connector: connector(inject('redisPort')) as never }],
    ['a replica', { readOnly: true }],
    ['a keyPrefix of bytes', { keyPrefix: Buffer.from('x') as never }],
  ])('%s stays on the client', async (_, options) => {
    const client = connected(new Ioredis({ port: inject('redisPort'), ...options }))
    await client.ping()
    const storage = new RedisStorage({ client, prefix: prefix() })
    await storage.save(sample('a'))
    expect(storage.mode).toBe('inline')
  })

  it('keyPrefix, db, a run-time select, user and password are the client’s', async () => {
    const { port } = await server()
    const admin = connected(new Ioredis({ port }))
    await admin.call('ACL', 'SETUSER', 'bot', 'on', '>secret', '~*', '+@all')
    const client = connected(new Ioredis({ port, username: 'bot', password: 'secret', db: 3, keyPrefix: 'app:' }))
    await client.ping()
    const storage = new RedisStorage({ client })
    await storage.save(sample('a'))
    await becomesNative(storage)
    expect(await ours(admin, client)).toEqual([expect.stringMatching(/db=3 .*user=bot/)])
    await admin.select(3)
    expect(await admin.get('app:flowkit:a')).toBe(JSON.stringify(sample('a')))
    await client.select(5)
    await storage.save(sample('b'))
    expect(await storage.load('a')).toBeNull()
    await sleep(20)
    expect(await storage.load('b')).toEqual(sample('b'))
    await becomesNative(storage)
    await admin.select(5)
    expect(await admin.get('app:flowkit:b')).toBe(JSON.stringify(sample('b')))
    // The one before ends a moment later.
    await vi.waitFor(async () => expect(await ours(admin, client)).toEqual([expect.stringMatching(/db=5 /)]), LONG)
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
    await becomesNative(storage)
  })

  it('a Unix socket', async () => {
    const { socket } = await server()
    const client = connected(new Ioredis({ path: socket }))
    await client.ping()
    const storage = new RedisStorage({ client })
    await storage.save(sample('a'))
    expect(await storage.load('a')).toEqual(sample('a'))
    await becomesNative(storage)
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
    await becomesNative(storage)
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
    await becomesNative(storage)
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
    const open = (number: number, ttl: number) => new RedisStorage({ client, prefix: `${number}:`, ttl })
    const [first, second, eternal] = [open(0, 60), open(1, 60), open(2, 0)]
    await Promise.all([first, second, eternal].map((storage) => storage.save(sample('a'))))
    expect(await ours(admin, client)).toEqual([expect.stringMatching(/ name=bots:flowkit /)])
    expect(await admin.ttl('0:a')).toBeGreaterThan(50)
    expect(await admin.ttl('2:a')).toBe(-1)
    await first.close()
    await second.close()
    expect(await eternal.load('a')).toEqual(sample('a'))
    expect(await ours(admin, client)).toHaveLength(1)
    await eternal.close()
    await vi.waitFor(async () => expect(await ours(admin, client)).toHaveLength(0), LONG)
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
    expect(storage.mode).toBe('inline')
  })
})
