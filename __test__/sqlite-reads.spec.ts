// Loads that are done on the user's own connection: what makes that wrong, and that it is not done then.

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

/** A storage in native mode with one conversation, and the statements that its loads have run on the user's connection. */
async function native(journal: string) {
  const read: string[] = []
  const path = join(await temporaryDirectory(), 'states.db')
  const verbose = (sql: unknown) => {
    if (/^SELECT .*state/i.test(String(sql))) read.push(String(sql))
  }
  const db = new Database(path, { verbose })
  open.push(db)
  db.pragma(`journal_mode = ${journal}`)
  const storage = new SQLiteStorage({ db })
  await storage.save(version(1))
  expect(storage.mode).toBe('native')
  return { db, storage, read }
}

const version = (number: number) => sample('c', { slots: { number } })
const turn = () => new Promise((resolve) => setTimeout(resolve, 20))

/** Loads until it was done on the connection itself: for a while after a slow one, also by chance, none is. */
async function loadHere(storage: SQLiteStorage, read: string[], id: string) {
  read.length = 0
  for (const end = Date.now() + LONG; Date.now() < end; ) {
    const state = await storage.load(id)
    if (read.length > 0) return state
    await turn()
  }
  throw new Error('no load was done on the connection itself')
}

describe('a load', () => {
  it('is done on the connection itself in WAL mode, also of what is not there', async () => {
    const { storage, read } = await native('WAL')
    expect(await loadHere(storage, read, 'c')).toEqual(version(1))
    expect(await loadHere(storage, read, 'nobody')).toBeNull()
  })

  it('is not where a reader waits for writers', async () => {
    const { db, storage, read } = await native('DELETE')
    expect(await storage.load('c')).toEqual(version(1))
    expect(read).toEqual([])
    db.pragma('journal_mode = WAL')
    // The first one opens our connection again, which sees the change.
    expect(await loadHere(storage, read, 'c')).toEqual(version(1))
    db.pragma('journal_mode = DELETE')
    read.length = 0
    await storage.load('c')
    expect(await storage.load('c')).toEqual(version(1))
    expect(read).toEqual([])
  })

  it('finds what was acknowledged since a row iterator was opened, which sees older states', async () => {
    const { db, storage, read } = await native('WAL')
    await storage.save(sample('d'))
    await loadHere(storage, read, 'c')
    const rows = db.prepare('SELECT id FROM conversations').iterate()
    rows.next()
    await storage.save(version(2))
    // The connection itself still sees the first, which a load must not take for the last.
    expect(db.prepare('SELECT state FROM conversations WHERE id = ?').pluck().get('c')).toContain('"number":1')
    read.length = 0
    expect(await storage.load('c')).toEqual(version(2))
    expect(read).toEqual([])
    rows.return?.()
    expect(await loadHere(storage, read, 'c')).toEqual(version(2))
  })

  it('finds the saves and deletes called before it, awaited or not, also those of another storage', async () => {
    const { db, storage, read } = await native('WAL')
    const other = new SQLiteStorage({ db })
    await other.load('c')
    await loadHere(storage, read, 'c')
    for (let number = 2; number < 100; number++) {
      const writer = number % 3 === 0 ? other : storage
      const done = number % 7 === 0 ? writer.delete('c') : writer.save(version(number))
      // Of another conversation: nothing of it is under way.
      const nobody = storage.load('nobody')
      expect(await storage.load('c')).toEqual(number % 7 === 0 ? null : version(number))
      expect(await nobody).toBeNull()
      await done
      expect(await storage.load('c')).toEqual(number % 7 === 0 ? null : version(number))
    }
    expect(read.length).toBeGreaterThan(0)
  })

  it('is not while a write is in flight, of whatever conversation', async () => {
    const { storage, read } = await native('WAL')
    // Again and again: a save that takes long would keep the load away by itself.
    for (let round = 0; round < 10; round++) {
      await loadHere(storage, read, 'c')
      read.length = 0
      // The first one may be done within the call.
      const saves = [storage.save(sample('d')), storage.save(sample('e'))]
      expect(await storage.load('c')).toEqual(version(1))
      expect(read).toEqual([])
      await Promise.all(saves)
    }
  })

  it('is not once most of the state is remembered', async () => {
    const { storage, read } = await native('WAL')
    const history = Array.from({ length: 50 }, (_, index) => ({ role: 'user', content: `${index} `.repeat(50) }))
    const long = sample('long', { history })
    await storage.save(long)
    await storage.save(long)
    read.length = 0
    for (let number = 0; number < 10; number++) {
      await turn()
      expect(await storage.load('long')).toEqual(long)
    }
    expect(read).toEqual([])
    expect(storage.stats().snapshots?.hits).toBeGreaterThanOrEqual(10)
    // The others are still done on the connection itself.
    await loadHere(storage, read, 'c')
  })

  it('leaves the event loop its turns, however many are called', async () => {
    const { storage, read } = await native('WAL')
    const most = await mostInOneTurn(5000, () => storage.load('c'))
    // About 100: a millisecond's worth.
    expect(most).toBeLessThan(1000)
    expect(read.length).toBeLessThan(5000)
  })

  it('goes to the other thread for a while after one that took long', async () => {
    const { storage, read } = await native('WAL')
    // With nothing that could be remembered.
    const slow = sample('slow', { history: [], slots: { text: 'x'.repeat(20_000_000) } })
    await storage.save(slow)
    expect(await loadHere(storage, read, 'slow')).toEqual(slow)
    for (let number = 0; number < 10; number++) {
      await turn()
      expect(await storage.load('c')).toEqual(version(1))
    }
    expect(read).toHaveLength(1)
  })

  it('says what is wrong as the other thread would', async () => {
    const { db, storage } = await native('WAL')
    db.prepare("UPDATE conversations SET state = x'00' WHERE id = 'c'").run()
    await expect(storage.load('c')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT', retryable: false })
    // And what it says is nothing of the connection's that would have to end the native mode.
    expect(storage.mode).toBe('native')
  })
})
