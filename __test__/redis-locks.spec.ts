import { createRequire } from 'node:module'
import { Command, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { RedisStorage } from '../index.js'
import type { LockingStorage } from '../testing/case.js'
import samples from '../testing/samples.js'
import { FakeClient } from './support/clients.js'
import { prefix } from './support/ioredis.js'
import { WAYS } from './support/lock-ways.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { synchronous } from './support/synchronous.js'
import { eventually, sleep } from './support/waiting.js'

const { redisLockTail } = createRequire(import.meta.url)('../lib/binding.js') as typeof import('../binding.js')

const { hostileIds, sample } = samples

let server: RedisServer
let reader: Redis
beforeAll(async () => {
  server = await startRedis()
  reader = new Redis(server.port)
})
afterAll(async () => {
  await reader?.quit()
  await server?.stop()
})

const counter = (n: number, more: object = {}) => sample('u', { slots: { n, ...more } })
const add = (state: { slots: { n: number } }) => void state.slots.n++

describe('the key of a lock', () => {
  it('lies in the slot of its conversation, for 200,000 keys', () => {
    const slotOf = createRequire(createRequire(import.meta.url).resolve('ioredis'))('cluster-key-slot')
    const letters = ['a', 'b', '{', '}', ':', '💬', '\0', 'é']
    const letter = () => letters[Math.floor(Math.random() * letters.length)]
    const wrong = []
    for (let count = 0; count < 200_000; count++) {
      const key = Buffer.from(Array.from({ length: 1 + (count % 12) }, letter).join(''))
      if (slotOf(key) !== slotOf(Buffer.concat([key, redisLockTail(key)]))) wrong.push(key.toString())
    }
    expect(wrong).toEqual([])
  })

  it('is the same by every way, for every id, and is gone with the lock', async () => {
    const place = prefix()
    const storages = await Promise.all(WAYS.map((way) => way.open(server.port, place)))
    for (const id of hostileIds()) {
      const key = Buffer.from(`app:${place}${id}`)
      for (const [index, storage] of storages.entries()) {
        const other = storages[(index + 1) % storages.length] as LockingStorage
        await storage.withLock(id, async () => {
          await expect(other.withLock(id, () => {}, { wait: 0 })).rejects.toMatchObject({ code: 'ERR_STORAGE_TIMEOUT' })
          await storage.save(sample(id))
          expect(await reader.exists(Buffer.concat([key, redisLockTail(key)]))).toBe(1)
        })
      }
    }
    await Promise.all(storages.map((storage) => storage.load('nothing')))
    const left = await eventuallyKeys(`app:${place}*`, hostileIds().length)
    expect(left.filter((key) => key.includes('lock:'))).toEqual([])
  })
})

/** The keys, once there are so many: the end of a lock is not waited for. */
async function eventuallyKeys(pattern: string, count: number): Promise<string[]> {
  let keys: string[] = []
  await eventually(`${count} keys`, async () => {
    keys = await reader.keys(pattern)
    return keys.length === count
  })
  return keys
}

it('a conversation that is about to expire survives a turn that is longer', async () => {
  const place = prefix()
  const storages = await Promise.all(WAYS.map(({ name, open }) => open(server.port, `${place}${name}:`, { ttl: 6 })))
  await Promise.all(
    storages.map(async (storage) => {
      await storage.save(counter(0))
      await storage.withLock('u', async () => {
        const state = await storage.load('u')
        await sleep(6_500)
        await storage.save({ ...state, ended: true })
        expect(await storage.load('u')).toMatchObject({ ended: true })
      })
    }),
  )
})

describe('the commands of a turn', () => {
  const noLockIsLeft = async () => !(await reader.keys('*')).some((key) => key.includes('lock:'))

  /** Returns how many scripts were run for `act`. */
  async function scriptsOf(act: () => Promise<unknown>): Promise<number> {
    // The end of a lock is not waited for.
    await eventually('no lock is left', noLockIsLeft)
    await reader.config('RESETSTAT')
    await act()
    await eventually('no lock is left', noLockIsLeft)
    return Number(/cmdstat_eval:calls=(\d+)/.exec(await reader.info('commandstats'))?.[1])
  }

  for (const { name, open } of WAYS) {
    it(`are three, and one if the lock is handed over, beside the loads: ${name}`, async () => {
      const storage = await open(server.port, prefix())
      await storage.save(counter(0))
      const turn = () =>
        storage.withLock('u', async () => {
          const state = await storage.load('u')
          await storage.save(counter(Number(state?.slots.n) + 1))
        })
      await turn()
      const alone = async () => {
        for (let count = 0; count < 10; count++) await turn()
      }
      expect(await scriptsOf(alone)).toBe(3 * 10)
      expect(await scriptsOf(() => Promise.all(Array.from({ length: 20 }, turn)))).toBe(20 + 2)
      expect(await storage.load('u')).toEqual(counter(31))
    })
  }
})

describe('permissions', () => {
  const NEEDED = ['eval', 'time', 'pttl', 'pexpire']
  const rules = (missing?: string) => {
    const commands = ['get', 'set', 'setex', 'del', 'info', ...NEEDED].filter((command) => command !== missing)
    return ['reset', 'on', '>secret', '~app:*', '~nothing', '-@all', ...commands.map((command) => `+${command}`)]
  }

  for (const { name, open } of WAYS) {
    it(`those of docs/redis.md are enough, and each is needed: ${name}`, async () => {
      const user = `user:${name.replaceAll(' ', '')}`
      await reader.acl('SETUSER', user, ...rules())
      const storage = await open(server.port, prefix(), { username: user, password: 'secret', ttl: 5 })
      await storage.save(counter(0))
      await storage.update('u', add)
      await storage.update('u', () => null)
      await storage.save(counter(2), { ifMatch: null })
      for (const missing of NEEDED) {
        await reader.acl('SETUSER', user, ...rules(missing))
        const error = await storage.update('u', add).then(
          () => undefined,
          (reason) => reason,
        )
        expect(error, missing).toMatchObject({ code: 'ERR_STORAGE_DENIED', operation: 'update' })
        expect(error.message).toContain('what locks and purge() need: +eval +time +pttl +pexpire')
        expect(await storage.load('u')).toEqual(counter(2))
      }
      await reader.acl('SETUSER', user, ...rules())
      await storage.update('u', add)
      expect(await storage.load('u')).toEqual(counter(3))
    })
  }
})

describe('what stands in the way', () => {
  for (const { name, open } of WAYS) {
    it(`a list in place of a state is corrupt, and is not locked: ${name}`, async () => {
      const place = prefix()
      const storage = await open(server.port, place)
      await reader.rpush(`app:${place}u`, '1')
      await expect(storage.update('u', add)).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' })
      await expect(storage.save(counter(0), { ifMatch: null })).rejects.toMatchObject({ code: 'ERR_STORAGE_CONFLICT' })
      expect(await reader.llen(`app:${place}u`)).toBe(1)
      await storage.save(counter(0))
      await storage.update('u', add)
      expect(await storage.load('u')).toEqual(counter(1))
    })
  }

  it('a full server refuses a turn, and the error shows nothing of the state', async () => {
    const full = await startRedis('--maxmemory', '1')
    onTestFinished(() => full.stop())
    for (const { open } of WAYS) {
      const storage = await open(full.port, prefix())
      for (const write of [
        () => storage.update('u', () => counter(1)),
        () => storage.save(counter(1), { ifMatch: null }),
      ]) {
        const error = await write().then(
          () => undefined,
          (reason) => reason,
        )
        expect(error).toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' })
        expect(error.message).toContain('out of memory')
        expect(error.message).not.toMatch(/slots|user_script/)
      }
    }
  })

  it('a client of your own that has eval can lock', async () => {
    const client = synchronous(reader, 0)
    const storage = new RedisStorage({ client, prefix: prefix() }) as unknown as LockingStorage
    await storage.save(counter(0))
    await Promise.all(Array.from({ length: 10 }, () => storage.update('u', add)))
    const { state, etag } = await storage.loadEntry('u')
    expect(state).toEqual(counter(10))
    await storage.save(counter(11), { ifMatch: etag })
    await expect(storage.save(counter(12), { ifMatch: etag })).rejects.toMatchObject({ code: 'ERR_STORAGE_CONFLICT' })
    await expect(storage.delete('u', { ifMatch: null })).rejects.toMatchObject({ code: 'ERR_STORAGE_CONFLICT' })
    expect(await storage.load('u')).toEqual(counter(11))
  })

  it('a client that transforms what it stores cannot lock while it does', async () => {
    const client = new Redis(server.port)
    onTestFinished(() => client.disconnect())
    const storage = new RedisStorage({ client, prefix: prefix() }) as unknown as LockingStorage
    await storage.save(counter(0))
    Command.setArgumentTransformer('set', (words) => words)
    const removeTransformer = () => {
      delete (Command as unknown as { _transformer: { argument: { set?: unknown } } })._transformer.argument.set
    }
    onTestFinished(removeTransformer)
    const told = { code: 'ERR_STORAGE_UNSUPPORTED', message: expect.stringContaining('transforms arguments') }
    await expect(storage.update('u', add)).rejects.toMatchObject(told)
    removeTransformer()
    await storage.update('u', add)
    expect(await storage.load('u')).toEqual(counter(1))
  })

  it('a client without eval is told so before anything is done', async () => {
    const storage = new RedisStorage({ client: new FakeClient() }) as unknown as LockingStorage
    const told = { code: 'ERR_STORAGE_UNSUPPORTED', message: expect.stringContaining('it has no eval') }
    await expect(storage.withLock('u', () => {})).rejects.toMatchObject({ ...told, operation: 'lock' })
    await expect(storage.update('u', () => {})).rejects.toMatchObject({ ...told, operation: 'update' })
    await expect(storage.save(counter(1), { ifMatch: null })).rejects.toMatchObject({ ...told, operation: 'save' })
    expect((storage as unknown as RedisStorage & { capabilities: object }).capabilities).toMatchObject({ lock: false })
    await storage.save(counter(1))
    expect(await storage.load('u')).toEqual(counter(1))
  })
})
