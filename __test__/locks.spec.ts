import { AsyncLocalStorage } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'

import { type ConversationState, MemoryStorage, StorageError, sequentialize } from '../index.js'

const state = (n: number, conversationId = 'u') => ({ conversationId, slots: { n } }) as unknown as ConversationState

/** Returns what an adapter keeps of itself. */
function internals(storage: object) {
  const [key] = Object.getOwnPropertySymbols(storage) as [keyof typeof storage]
  return storage[key] as { locks?: object }
}

describe('sequentialize', () => {
  class Engine {
    #calls = 0
    name = 'engine'
    #label = 'none'
    constructor(readonly storage: MemoryStorage) {}
    get label() {
      return this.#label
    }
    set label(value: string) {
      this.#label = value
    }
    async handle(id: string, text: string) {
      this.#calls++
      const found = (await this.storage.load(id)) as unknown as { texts: string[] } | null
      await sleep(1)
      await this.storage.save({ conversationId: id, texts: [...(found?.texts ?? []), text] } as never)
      return text.length
    }
    async own(id: string, text: string) {
      return this.handle(id, text)
    }
    count() {
      return this.#calls
    }
  }

  it('serves a class with private fields, and returns what its methods return', async () => {
    const storage = new MemoryStorage()
    const engine = sequentialize(new Engine(storage), storage)
    expect(await Promise.all(['a', 'bb', 'ccc'].map((text) => engine.handle('u', text)))).toEqual([1, 2, 3])
    expect(await storage.load('u')).toEqual({ conversationId: 'u', texts: ['a', 'bb', 'ccc'] })
    expect(engine.count()).toBe(3)
    engine.label = 'some'
    expect(engine.label).toBe('some')
    expect(engine).toBeInstanceOf(Engine)
    expect(engine.constructor).toBe(Engine)
    expect(engine.handle).toBe(engine.handle)
  })

  it('takes the names of other methods, and options of the lock', async () => {
    const storage = new MemoryStorage()
    const engine = sequentialize(new Engine(storage), storage, { methods: ['own'], wait: 0 })
    const ends = await Promise.allSettled([engine.own('u', 'a'), engine.own('u', 'b')])
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await Promise.all([engine.handle('v', 'a'), engine.handle('v', 'b')])
    expect(((await storage.load('v')) as unknown as { texts: string[] }).texts).toHaveLength(1)
  })

  it('can be spied on', async () => {
    const storage = new MemoryStorage()
    const engine = sequentialize(new Engine(storage), storage)
    const spy = vi.spyOn(engine, 'handle').mockResolvedValue(7)
    expect(await engine.handle('u', 'a')).toBe(7)
    spy.mockRestore()
    expect(await engine.handle('u', 'a')).toBe(1)
  })

  it('refuses what it cannot do', () => {
    const storage = new MemoryStorage()
    const loose = sequentialize as (...values: unknown[]) => unknown
    for (const engine of [null, undefined, 'engine', 5]) expect(() => loose(engine, storage)).toThrow(TypeError)
    for (const other of [null, undefined, {}, { withLock: 1 }]) expect(() => loose({}, other)).toThrow(TypeError)
    for (const methods of ['handle', [5], {}]) expect(() => loose({}, storage, { methods })).toThrow(TypeError)
    expect(() => loose(Object.freeze({ handle() {} }), storage)).toThrow(/frozen/)
  })
})

it('P13 keeps every update and every turn of 8 tasks that add 50 times each', async () => {
  const storage = new MemoryStorage()
  await storage.save(state(0))
  const add = async () => {
    const found = (await storage.load('u')) as ReturnType<typeof state>
    await sleep(0)
    await storage.save(state((found.slots.n as number) + 1))
  }
  const task = async () => {
    for (let turn = 0; turn < 50; turn++) {
      if (turn % 2 === 0) await storage.withLock('u', add)
      else await storage.update('u', (found) => state((found?.slots.n as number) + 1))
    }
  }
  await Promise.all(Array.from({ length: 8 }, task))
  expect(await storage.load('u')).toEqual(state(400))
  await Promise.all(Array.from({ length: 8 }, add))
  expect(await storage.load('u')).toEqual(state(401))
})

describe('a lock', () => {
  it('is forgotten once nobody has it or waits for it', async () => {
    const storage = new MemoryStorage()
    await Promise.all(
      Array.from({ length: 20_000 }, (_, index) => {
        const id = `u${index % 500}`
        return storage.update(id, (found) => found ?? state(0, id))
      }),
    )
    await Promise.allSettled([
      storage.withLock('u', () => sleep(20)),
      storage.withLock('u', () => {}, { wait: 1 }),
      storage.withLock('u', () => {}, { signal: AbortSignal.timeout(1) }),
      storage.withLock('u', () => Promise.reject(new Error('no'))),
    ])
    expect((internals(storage).locks as { size: number }).size).toBe(0)
  })

  it('lets 100,000 calls wait, and many end by one signal', async () => {
    const storage = new MemoryStorage()
    const controller = new AbortController()
    setMaxListeners(0, controller.signal)
    let release: () => void = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const held = storage.withLock('u', () => released)
    const wait = (options: object) =>
      storage.withLock('u', () => {}, { queue: 100_000, ...options }).catch(() => 'ended')
    const calls = Array.from({ length: 99_000 }, () => wait({ wait: 50 }))
    calls.push(...Array.from({ length: 1_000 }, () => wait({ signal: controller.signal })))
    expect(await wait({})).toBe('ended')
    controller.abort()
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['ended']))
    release()
    await held
    expect((internals(storage).locks as { size: number }).size).toBe(0)
  })

  it('goes with the asynchronous context, and leaves that of others alone', async () => {
    const storage = new MemoryStorage()
    const other = new AsyncLocalStorage<string>()
    await storage.save(state(0))
    await other.run('mine', () =>
      storage.withLock('u', async () => {
        expect(other.getStore()).toBe('mine')
        await storage.save(state(1))
      }),
    )
    expect(await storage.load('u')).toEqual(state(1))
  })

  it('of a closed storage rejects, while a turn under way goes on', async () => {
    const storage = new MemoryStorage()
    await storage.save(state(0))
    const seen: unknown[] = []
    const turn = storage.withLock('u', async () => {
      seen.push(await storage.load('u'))
      await sleep(30)
      await storage.save(state(5))
      seen.push(await storage.load('u'))
    })
    const waiting = storage.withLock('u', () => {}).catch((error) => error.code)
    await sleep(5)
    const closed = storage.close()
    expect(await waiting).toBe('ERR_STORAGE_CLOSED')
    for (const call of [storage.load('u'), storage.withLock('u', () => {}), storage.update('v', () => {})]) {
      await expect(call).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED' })
    }
    await turn
    await closed
    expect(seen).toEqual([state(0), state(5)])
  })

  it('does not wait for itself when its storage is closed inside', async () => {
    const storage = new MemoryStorage()
    await storage.withLock('u', () => storage.close())
    await expect(storage.load('u')).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED' })
  })

  it('names the operation and the conversation in its errors', async () => {
    const storage = new MemoryStorage()
    const held = storage.withLock('u', () => sleep(20))
    const error = await storage.withLock('u', () => {}, { wait: 0 }).catch((reason) => reason)
    expect(error).toBeInstanceOf(StorageError)
    expect(error).toMatchObject({
      code: 'ERR_STORAGE_TIMEOUT',
      operation: 'lock',
      conversationId: 'u',
      retryable: true,
    })
    expect(error.message).toBe('Cannot lock conversation "u": it was still locked after 0 ms; nothing was done.')
    expect(error.stack).toContain('locks.spec')
    await held
  })

  it('has its calls rejected and not thrown, with options that throw when they are read', async () => {
    const storage = new MemoryStorage()
    const trap = {
      get wait(): number {
        throw new Error('trap')
      },
    }
    await expect(storage.withLock('u', () => {}, trap)).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS' })
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    await expect(storage.save(state(1), proxy)).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS' })
    await expect(storage.withLock('u', () => {}, proxy)).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS' })
  })

  it('honours what a subclass does in load and save', async () => {
    class Sealed extends MemoryStorage {
      override async load(id: string) {
        const found = (await super.load(id)) as unknown as { sealed: string } | null
        return found && JSON.parse(Buffer.from(found.sealed, 'base64').toString())
      }
      override save(given: ConversationState) {
        const sealed = Buffer.from(JSON.stringify(given)).toString('base64')
        return super.save({ conversationId: given.conversationId, sealed } as never)
      }
    }
    const storage = new Sealed()
    await storage.save(state(0))
    await storage.update('u', (found) => {
      if (found) found.slots.n = 3
    })
    expect(await storage.load('u')).toEqual(state(3))
  })

  it('of which update waits for a save that comes in between by force, up to the number of retries', async () => {
    const storage = new MemoryStorage()
    await storage.save(state(0))
    let calls = 0
    const stubborn = storage.update(
      'u',
      async (found) => {
        calls++
        // From outside of the context of the lock.
        await new Promise((resolve) => outside.push(resolve as () => void))
        if (found) found.slots.n = 99
      },
      { retries: 2 },
    )
    const outside: (() => void)[] = []
    const interval = setInterval(() => {
      const goOn = outside.shift()
      if (goOn) void storage.save(state(calls)).then(goOn)
    }, 1)
    const error = await stubborn.catch((reason) => reason)
    clearInterval(interval)
    expect(error).toMatchObject({ code: 'ERR_STORAGE_CONFLICT', operation: 'update' })
    expect(error.message).toContain('3 times in a row')
    expect(calls).toBe(3)
    expect(await storage.load('u')).toEqual(state(3))
  })
})
