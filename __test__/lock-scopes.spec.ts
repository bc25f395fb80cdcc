// What belongs to a lock and what does not, and what a lock costs those who take none.
import { execFileSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'

import { type ConversationState, type MemoryStorage, SQLiteStorage } from '../index.js'
import { openPlace } from './support/open.mjs'
import { FILE, MEMORY, SQLITE, type Subject, temporaryDirectory } from './support/subjects.js'

const state = (n: number) => ({ conversationId: 'u', slots: { n } }) as unknown as ConversationState
const conflict = { code: 'ERR_STORAGE_CONFLICT' }

describe.each([MEMORY, FILE, SQLITE])('a scope on $name', (subject: Subject) => {
  async function open(): Promise<MemoryStorage> {
    const storage = openPlace(await subject.makePlace())
    onTestFinished(() => storage.close())
    await storage.save(state(0))
    return storage
  }

  it('refuses the save of a nested call once hold is over', async () => {
    const storage = await open()
    let inner: Promise<unknown> = Promise.resolve()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const outer = storage.withLock(
      'u',
      () => {
        inner = storage.withLock('u', async () => {
          await storage.load('u')
          await held
          await storage.save(state(5))
        })
        return inner
      },
      { hold: 30 },
    )
    const ends = Promise.allSettled([outer, sleep(50)])
    expect((await ends)[0]).toMatchObject({ reason: { code: 'ERR_STORAGE_TIMEOUT', operation: 'lock' } })
    release()
    await expect(inner).rejects.toMatchObject(conflict)
    expect(await storage.load('u')).toEqual(state(0))
    await storage.update('u', () => state(6))
  })

  it('takes a hundred nested calls in a loop, and nested calls in nested calls', async () => {
    const storage = await open()
    const add = (found: ConversationState | null) => state(Number(found?.slots.n) + 1)
    const deeper = (depth: number): Promise<unknown> =>
      depth === 0 ? storage.update('u', add) : storage.withLock('u', () => deeper(depth - 1))
    await storage.withLock('u', async () => {
      for (let count = 0; count < 100; count++) await storage.update('u', add)
      await deeper(20)
      await Promise.all([deeper(3), deeper(3)])
    })
    expect(await storage.load('u')).toEqual(state(103))
  })

  it('leaves a save from an event of a foreign queue plain', async () => {
    const storage = await open()
    const queue = new EventEmitter()
    const plain = new Promise((resolve) => {
      queue.on('done', () => resolve(storage.save(state(7))))
    })
    let hasLoaded = () => {}
    // Emitted from outside, as by a connection that somebody else had opened.
    new Promise<void>((resolve) => {
      hasLoaded = resolve
    }).then(() => queue.emit('done'))
    const turn = storage.withLock('u', async () => {
      await storage.load('u')
      hasLoaded()
      await plain
      await storage.save(state(1))
    })
    await expect(turn).rejects.toMatchObject(conflict)
    expect(await storage.load('u')).toEqual(state(7))
  })

  it('goes on as ever after the event loop was blocked for longer than others would wait', async () => {
    const storage = await open()
    const ends = [
      storage.withLock('u', () => {
        const end = Date.now() + 100
        while (Date.now() < end);
      }),
      storage.withLock('u', () => 'second', { wait: 50 }).catch(({ code }) => code),
    ]
    expect(['second', 'ERR_STORAGE_TIMEOUT']).toContain((await Promise.all(ends))[1])
    expect(await storage.withLock('u', () => 'third', { wait: 60_000 })).toBe('third')
  })
})

it('nothing follows the asynchronous context before the first lock', () => {
  const script = `
    const hooks = require('node:async_hooks')
    let made = 0
    hooks.AsyncLocalStorage = class extends hooks.AsyncLocalStorage {
      constructor(...values) { super(...values); made++ }
    }
    const { MemoryStorage } = require(${JSON.stringify(require.resolve('../index.js'))})
    const storage = new MemoryStorage()
    const counts = []
    async function main() {
      await storage.save({ conversationId: 'u' })
      await storage.save({ conversationId: 'v' }, { ifMatch: null })
      await storage.load('u')
      await storage.loadEntry('u')
      counts.push(made)
      await storage.withLock('u', () => storage.load('u'))
      counts.push(made)
      await Promise.all([storage.update('u', () => {}), new MemoryStorage().update('u', () => {})])
      counts.push(made)
      console.log(JSON.stringify(counts))
    }
    main()`
  expect(JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }))).toEqual([0, 1, 1])
})

describe('a database that is closed while a turn has its lock', () => {
  for (const mode of ['auto', 'inline'] as const) {
    it(`ends the turn with an error, and the lock with its lease, mode ${mode}`, async () => {
      const path = `${await temporaryDirectory()}/states.db`
      const db = new Database(path)
      const storage = new SQLiteStorage({ db, mode })
      await storage.save(state(0))
      const turn = storage.withLock(
        'u',
        async () => {
          await storage.load('u')
          db.close()
          await storage.save(state(1))
        },
        { lease: 1_000 },
      )
      await expect(turn).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_STORAGE_(CLOSED|UNAVAILABLE)$/) })
      const next = new Database(path)
      const other = new SQLiteStorage({ db: next, mode })
      expect(await other.withLock('u', () => other.load('u'), { wait: 10_000 })).toEqual(state(0))
      await other.close()
      next.close()
    })
  }
})
