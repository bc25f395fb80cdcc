import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'

import { SQLiteStorage } from '../index.js'
import { runStorageContract } from '../testing/index.js'
import { temporaryDirectory } from './support/subjects.js'

const OPTIONS = { codes: true, lock: true, rounds: 100, runs: 10, largestState: 1e6, describe, it }

for (const journal of ['WAL', 'DELETE']) {
  runStorageContract(
    async () => {
      const db = new Database(join(await temporaryDirectory(), 'states.db'))
      db.pragma(`journal_mode = ${journal}`)
      return new SQLiteStorage({ db, mode: 'inline' })
    },
    { ...OPTIONS, name: `sqlite { db }, ${journal}, inline` },
  )
}

describe('in memory', () => {
  runStorageContract(() => new SQLiteStorage({ db: new Database(':memory:') }), { ...OPTIONS, name: 'sqlite :memory:' })
})

const state = (n: number) => ({
  conversationId: 'u',
  currentStep: 'a',
  slots: { n },
  history: [],
  ended: false,
  createdAt: 1,
  updatedAt: 1,
})

for (const mode of ['auto', 'inline'] as const) {
  describe(`beside a transaction of the user, mode ${mode}`, () => {
    async function open() {
      const db = new Database(join(await temporaryDirectory(), 'states.db'))
      db.pragma('journal_mode = WAL')
      const storage = new SQLiteStorage({ db, mode })
      await storage.save(state(0))
      return { db, storage }
    }

    for (const end of ['COMMIT', 'ROLLBACK']) {
      it(`an update waits for its ${end} and is not undone by it`, async () => {
        const { db, storage } = await open()
        db.exec('BEGIN IMMEDIATE')
        const updated = storage.update('u', (found) => {
          if (found) found.slots.n = 7
        })
        await new Promise((resolve) => setTimeout(resolve, 50))
        expect(db.prepare('SELECT state FROM conversations').pluck().get()).toContain('"n":0')
        db.exec(end)
        await updated
        expect((await storage.load('u'))?.slots.n).toBe(7)
        expect(db.prepare('SELECT count(*) FROM conversations_locks').pluck().get()).toBe(0)
      })
    }

    it('a conditional save joins it, and is rolled back with it', async () => {
      const { db, storage } = await open()
      const { etag } = await storage.loadEntry('u')
      db.exec('BEGIN IMMEDIATE')
      await storage.save(state(1), { ifMatch: etag })
      await expect(storage.save(state(2), { ifMatch: etag })).rejects.toMatchObject({ code: 'ERR_STORAGE_CONFLICT' })
      expect((await storage.load('u'))?.slots.n).toBe(1)
      db.exec('ROLLBACK')
      expect((await storage.load('u'))?.slots.n).toBe(0)
    })

    it('a turn whose lock cannot be had in time says so', async () => {
      const { db, storage } = await open()
      db.exec('BEGIN IMMEDIATE')
      await expect(storage.withLock('u', () => 1, { wait: 50 })).rejects.toMatchObject({
        code: 'ERR_STORAGE_TIMEOUT',
        operation: 'lock',
      })
      db.exec('ROLLBACK')
      expect(await storage.withLock('u', () => 'had', { wait: 60_000 })).toBe('had')
    })

    it('a lock that is given back inside a transaction is free behind it', async () => {
      const { db, storage } = await open()
      await storage.withLock('u', () => {
        db.exec('BEGIN IMMEDIATE')
      })
      db.exec('ROLLBACK')
      expect(await storage.withLock('u', () => 'had', { wait: 60_000 })).toBe('had')
    })
  })
}
