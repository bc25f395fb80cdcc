// Saves and deletes that are done within the call, on our own connection: when they are not, and that nothing else changes.

import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, it } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { temporaryDirectory } from './support/subjects.js'
import { mostInOneTurn } from './support/turns.js'
import { LONG } from './support/waiting.js'

const { sample } = samples

const open: Database.Database[] = []
afterEach(() => {
  for (const db of open.splice(0)) db.close()
})

/** A storage in native mode whose writer has its connection, and another connection of the application's. */
async function native(journal: string, synchronous: string) {
  const path = join(await temporaryDirectory(), 'states.db')
  const db = new Database(path)
  const other = new Database(path)
  open.push(other, db)
  db.pragma(`journal_mode = ${journal}`)
  db.pragma(`synchronous = ${synchronous}`)
  const storage = new SQLiteStorage({ db })
  await storage.save(version(1))
  expect(storage.mode).toBe('native')
  return { path, db, other, storage }
}

const version = (number: number) => sample('c', { slots: { number } })
const turn = () => new Promise((resolve) => setTimeout(resolve, 20))

/** Returns whether the operation was done before the event loop turned. No other thread could have told of it. */
async function isDoneAtOnce(operate: () => Promise<unknown>) {
  let turned = false
  const immediate = setImmediate(() => {
    turned = true
  })
  await operate()
  clearImmediate(immediate)
  return !turned
}

/** For a while after a slow operation, also by chance, none is done at once: several attempts, each in a turn of its own. */
async function isEverDoneAtOnce(operate: () => Promise<unknown>, attempts = LONG / 20) {
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (await isDoneAtOnce(operate)) return true
    await turn()
  }
  return false
}

/** Returns what a descriptor of this process has open. */
function pathOf(fd: string) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined // It was that of the listing itself.
  }
}

describe('a save', () => {
  it.each(['NORMAL', 'OFF'])('alone is done at once in WAL mode with synchronous = %s', async (synchronous) => {
    const { other, storage } = await native('WAL', synchronous)
    expect(await isEverDoneAtOnce(() => storage.save(version(2)))).toBe(true)
    const stored = other.prepare('SELECT state, updated_at FROM conversations').get() as Record<string, unknown>
    expect(JSON.parse(String(stored.state))).toEqual(version(2))
    expect(Date.now() - Number(stored.updated_at)).toBeLessThan(60_000)
    expect(await isEverDoneAtOnce(() => storage.delete('c'))).toBe(true)
    expect(other.prepare('SELECT count(*) FROM conversations').pluck().get()).toBe(0)
  })

  it.each([
    ['WAL', 'FULL'],
    ['WAL', 'EXTRA'],
    ['DELETE', 'NORMAL'],
    ['DELETE', 'OFF'],
  ])('is not where it waits for the disk: %s, synchronous = %s', async (journal, synchronous) => {
    const { storage } = await native(journal, synchronous)
    expect(await isEverDoneAtOnce(() => storage.save(version(2)), 10)).toBe(false)
    expect(await storage.load('c')).toEqual(version(2))
  })

  it('is not where the state is large', async () => {
    const { storage } = await native('WAL', 'NORMAL')
    const large = sample('c', { slots: { text: 'x'.repeat(40_000) } })
    expect(await isEverDoneAtOnce(() => storage.save(large), 10)).toBe(false)
    expect(await storage.load('c')).toEqual(large)
  })

  it('leaves the event loop its turns while somebody else has the file locked', async () => {
    const { other, storage } = await native('WAL', 'NORMAL')
    expect(await isEverDoneAtOnce(() => storage.save(version(2)))).toBe(true)
    other.exec('BEGIN IMMEDIATE')
    // The only one who can give the lock back is the event loop.
    const unlock = setTimeout(() => other.exec('COMMIT'), 100)
    const saved = storage.save(version(3))
    expect(await isDoneAtOnce(() => saved)).toBe(false)
    expect(unlock.hasRef() && other.inTransaction).toBe(false)
    expect(await storage.load('c')).toEqual(version(3))
  })

  it('keeps the order with all that was called before, awaited or not, on several storages', async () => {
    const { db, storage } = await native('WAL', 'NORMAL')
    const another = new SQLiteStorage({ db })
    for (let number = 2; number < 2000; number++) {
      const pending = []
      const one = number % 3 === 0 ? another : storage
      // Alone it may be done at once; together they go to the other thread.
      for (let earlier = number % 4; earlier > 0; earlier--) pending.push(one.save(version(-earlier)))
      if (number % 5 === 0) await one.save(version(number))
      else pending.push(one.save(version(number)))
      expect(await one.load('c')).toEqual(version(number))
      await Promise.all(pending)
      expect(await (number % 2 === 0 ? another : storage).load('c')).toEqual(version(number))
    }
  })

  it('leaves the event loop its turns, however many are called', async () => {
    const { storage } = await native('WAL', 'NORMAL')
    const most = await mostInOneTurn(5000, (number) => storage.save(version(number)))
    // About 50: a millisecond's worth.
    expect(most).toBeLessThan(1000)
  })

  it('has the log copied into the database as often as ever', async () => {
    const { path, storage } = await native('WAL', 'NORMAL')
    let atOnce = 0
    for (let number = 0; number < 60_000 && atOnce < 6000; number++) {
      const state = sample(`c${number % 50}`, { slots: { number, text: 'x'.repeat(2000) } })
      if (await isDoneAtOnce(() => storage.save(state))) atOnce++
    }
    expect(atOnce).toBeGreaterThan(100)
    // 1,000 pages of 4 KB are the limit; what comes while the other thread copies, or waits for a processor, is on top. All of
    // it would be more than 48 MB.
    expect(statSync(`${path}-wal`).size).toBeLessThan(30_000_000)
    expect(statSync(path).size).toBeGreaterThan(100_000)
  })

  it.runIf(process.platform === 'linux')('does not keep our connection open for ever', async () => {
    const { path, storage } = await native('WAL', 'NORMAL')
    // Not the database itself: SQLite keeps it open as long as another connection has it locked.
    const opened = () => readdirSync('/proc/self/fd').filter((fd) => pathOf(fd) === `${path}-wal`).length
    const both = opened()
    expect(await isEverDoneAtOnce(() => storage.save(version(2)))).toBe(true)
    await expect.poll(opened, { timeout: LONG }).toBe(both - 1)
    await storage.save(version(3))
    expect(await storage.load('c')).toEqual(version(3))
  })

  it('that fails is told of as by the other thread, and the next is done', async () => {
    const { db, storage } = await native('WAL', 'NORMAL')
    expect(await isEverDoneAtOnce(() => storage.save(version(2)))).toBe(true)
    db.exec(`CREATE TRIGGER guard BEFORE UPDATE ON conversations WHEN new.state LIKE '%"number":3%'
      BEGIN SELECT raise(ABORT, 'not three'); END`)
    await expect(storage.save(version(3))).rejects.toMatchObject({ code: 'ERR_STORAGE_DENIED', retryable: false })
    expect(await storage.load('c')).toEqual(version(2))
    await storage.save(version(4))
    expect(await storage.load('c')).toEqual(version(4))
  })
})
