import { join } from 'node:path'
import Database from 'better-sqlite3'
import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'

import { SQLiteStorage, type StorageAdapter } from '../index.js'
import testing from '../testing/index.js'
import samples from '../testing/samples.js'
import { checkHas } from './has.js'
import { runChild } from './support/child.js'
import { temporaryDirectory } from './support/subjects.js'
import { mostInOneTurn } from './support/turns.js'

const { sample } = samples

type Db = Database.Database

/** A connection that the user made, and what it is like. */
const KINDS: [string, () => Promise<Db>][] = [
  ['better-sqlite3, a file', async () => new Database(join(await temporaryDirectory(), 'states.db'))],
  ['better-sqlite3, :memory:', async () => new Database(':memory:')],
  ['better-sqlite3, a temporary database', async () => new Database('')],
  ['better-sqlite3, from a serialized buffer', async () => new Database(new Database(':memory:').serialize())],
  [
    'better-sqlite3, inside an open transaction',
    async () => {
      const db = new Database(join(await temporaryDirectory(), 'states.db'))
      db.exec('BEGIN')
      return db
    },
  ],
  ['better-sqlite3, safe integers', async () => new Database(':memory:').defaultSafeIntegers(true)],
  ['libsql', async () => new Libsql(':memory:') as unknown as Db],
]

for (const [name, open] of KINDS) {
  const databases = new WeakMap<object, Db>()
  testing.runStorageContract(
    async (options) => {
      const db = await open()
      const storage = new SQLiteStorage({ db, mode: 'inline', ...options })
      databases.set(storage, db)
      onTestFinished(() => void db.close())
      return storage
    },
    {
      name,
      codes: true,
      list: true,
      ages: true,
      retention: true,
      async plant(storage: StorageAdapter, id: string, text: string) {
        await storage.load('nobody')
        const db = databases.get(storage) as Db
        db.prepare('INSERT OR REPLACE INTO conversations (id, state, updated_at) VALUES (?, ?, 1)').run(id, text)
      },
      describe,
      it,
    },
  )
  it(`${name}: has tells whether something is stored`, async () => {
    const db = await open()
    onTestFinished(() => void db.close())
    const insert = 'INSERT OR REPLACE INTO conversations (id, state, updated_at) VALUES (?, ?, 1)'
    await checkHas(new SQLiteStorage({ db, mode: 'inline' }), async (id, text) => db.prepare(insert).run(id, text))
  })
}

describe('the inline path', () => {
  const open = (options: object = {}) => {
    const commits: string[] = []
    const traced = new Database(':memory:', { verbose: (sql) => commits.push(String(sql)) })
    onTestFinished(() => void traced.close())
    return { db: traced, commits, storage: new SQLiteStorage({ db: traced, ...options, mode: 'inline' }) }
  }

  it('does all that waits at the end of a tick in one transaction', async () => {
    const { storage, commits } = open()
    await storage.load('a')
    commits.length = 0
    await Promise.all([...Array(50).keys()].map((index) => storage.save(sample(`c${index}`))))
    expect(commits.filter((sql) => sql === 'COMMIT')).toHaveLength(1)
    expect(commits.filter((sql) => sql.startsWith('INSERT'))).toHaveLength(50)
  })

  it('leaves the event loop its turns, however many are called', async () => {
    const { storage } = open()
    await storage.save(sample('a'))
    // About 50: a millisecond's worth.
    expect(await mostInOneTurn(5000, () => storage.save(sample('a')))).toBeLessThan(1000)
    expect(await mostInOneTurn(5000, () => storage.load('a'))).toBeLessThan(1000)
  })

  it('resolves in the order of the calls, also beyond the time of a turn', async () => {
    const { storage } = open()
    const ended: string[] = []
    const save = async (name: string) => {
      await storage.save(sample('a'))
      ended.push(name)
    }
    // The first makes the table, which takes a turn.
    await save('first')
    await save('second')
    const late = new Promise<void>((resolve) => setImmediate(() => resolve(save('late'))))
    // They take more than the time of one turn, and resolve in the next.
    await Promise.all([late, ...[...Array(1000)].map(() => save('early'))])
    expect(ended.indexOf('late')).toBe(1002)
  })

  it('looks at the table once, also where the first operations come together', async () => {
    const { storage, commits } = open()
    const save = () => Promise.all([...Array(50).keys()].map((index) => storage.save(sample(`c${index}`))))
    await save()
    commits.length = 0
    await save()
    expect(commits.filter((sql) => !/^(BEGIN|INSERT|COMMIT)/.test(sql))).toEqual([])
  })

  it('joins a transaction of the user, sees it, and is rolled back with it', async () => {
    const { db, storage } = open()
    await storage.save(sample('a', { currentStep: 'before' }))
    db.exec('BEGIN')
    const saved = storage.save(sample('a', { currentStep: 'inside' }))
    expect(db.prepare('SELECT state FROM conversations').pluck().get()).toContain('inside')
    await saved
    expect((await storage.load('a'))?.currentStep).toBe('inside')
    db.exec('ROLLBACK')
    expect((await storage.load('a'))?.currentStep).toBe('before')
    // The table itself was made inside of one that is rolled back.
    const other = new SQLiteStorage({ db, table: 'other' })
    db.exec('BEGIN')
    await other.save(sample('b'))
    db.exec('ROLLBACK')
    expect(await other.load('b')).toBeNull()
    await other.save(sample('b'))
    expect(await other.load('b')).toEqual(sample('b'))
  })

  it('fails alone: one bad statement does not take the others with it', async () => {
    const { db, storage } = open()
    await storage.load('a')
    db.exec(
      "CREATE TRIGGER no BEFORE INSERT ON conversations WHEN new.id = 'bad' BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    )
    const outcomes = await Promise.allSettled(['a', 'bad', 'c'].map((id) => storage.save(sample(id))))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { adapter: 'sqlite', cause: { code: 'SQLITE_CONSTRAINT_TRIGGER' } } })
    expect(await storage.load('c')).toEqual(sample('c'))
  })

  it('does the rest one by one where an error ends the transaction', async () => {
    const { db, storage } = open()
    await storage.load('a')
    db.exec(
      "CREATE TRIGGER no BEFORE INSERT ON conversations WHEN new.id = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'all back'); END",
    )
    const outcomes = await Promise.allSettled(['a', 'bad', 'c'].map((id) => storage.save(sample(id))))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await storage.load('a')).toEqual(sample('a'))
    expect(await storage.load('c')).toEqual(sample('c'))
  })

  it('a full database refuses what does not fit, and keeps the rest', async () => {
    const { db, storage } = open()
    await storage.save(sample('early'))
    db.pragma(`max_page_count = ${Number(db.pragma('page_count', { simple: true })) + 4}`)
    const large = sample('large', { slots: { text: 'x'.repeat(100_000) } })
    const outcomes = await Promise.allSettled([
      storage.save(sample('small')),
      storage.save(large),
      storage.save(sample('late')),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'ERR_STORAGE_UNAVAILABLE', cause: { code: 'SQLITE_FULL' } } })
    for (const id of ['early', 'small', 'late']) expect(await storage.load(id)).toEqual(sample(id))
  })

  it('a closed connection is an error, before and during operations', async () => {
    const { db, storage } = open()
    await storage.save(sample('a'))
    const pending = [storage.save(sample('b')), storage.load('a')]
    db.close()
    for (const operation of [...pending, storage.load('a'), storage.save(sample('c')), storage.delete('a')]) {
      await expect(operation).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED' })
    }
    await storage.close()
  })

  it('waits while a row iterator is open', async () => {
    const { db, storage } = open()
    await storage.save(sample('a'))
    const rows = db.prepare('SELECT id FROM conversations UNION ALL SELECT id FROM conversations').iterate()
    rows.next()
    const saved = storage.save(sample('b'))
    const both = Promise.all([storage.save(sample('c')), storage.load('b')])
    await new Promise((resolve) => setTimeout(resolve, 30))
    rows.return?.()
    await saved
    expect((await both)[1]).toEqual(sample('b'))
  })

  it('reads a read-only database, with the table and without', async () => {
    const path = join(await temporaryDirectory(), 'states.db')
    const writable = new Database(path)
    await new SQLiteStorage({ db: writable, mode: 'inline' }).save(sample('a'))
    writable.close()
    const db = new Database(path, { readonly: true })
    onTestFinished(() => void db.close())
    const storage = new SQLiteStorage({ db })
    expect(await storage.load('a')).toEqual(sample('a'))
    await expect(storage.save(sample('a'))).rejects.toMatchObject({ code: 'ERR_STORAGE_DENIED' })
    const missing = new SQLiteStorage({ db, table: 'missing' })
    expect(await missing.load('a')).toBeNull()
    await expect(missing.save(sample('a'))).rejects.toMatchObject({ code: 'ERR_STORAGE_DENIED' })
  })

  it('leaves the pragmas of the user alone', async () => {
    const db = new Database(join(await temporaryDirectory(), 'states.db'))
    onTestFinished(() => void db.close())
    const names = ['journal_mode', 'synchronous', 'busy_timeout', 'foreign_keys', 'locking_mode', 'cache_size']
    const pragmas = () => names.map((name) => db.pragma(name, { simple: true }))
    const before = pragmas()
    const storage = new SQLiteStorage({ db, mode: 'inline' })
    await storage.save(sample('a'))
    expect(pragmas()).toEqual(before)
  })

  it('a lock of another connection is waited for once, not once for each operation', async () => {
    const path = join(await temporaryDirectory(), 'states.db')
    const db = new Database(path, { timeout: 200 })
    const other = new Database(path)
    onTestFinished(() => {
      other.close()
      db.close()
    })
    const storage = new SQLiteStorage({ db, mode: 'inline' })
    await storage.save(sample('a'))
    other.exec('BEGIN EXCLUSIVE')
    const operations = [...Array(20).keys()].map((index) => storage.save(sample(`c${index}`)))
    for (const outcome of await Promise.allSettled(operations)) {
      expect(outcome).toMatchObject({
        reason: { code: 'ERR_STORAGE_UNAVAILABLE', retryable: true, cause: { code: 'SQLITE_BUSY' } },
      })
    }
    other.exec('COMMIT')
    await storage.save(sample('b'))
  })

  it('refuses a table with other columns, or in which ids could meet', async () => {
    const { db } = open()
    for (const [table, columns] of [
      ['one', 'id TEXT PRIMARY KEY, name TEXT'],
      ['two', 'id TEXT PRIMARY KEY COLLATE NOCASE, state TEXT NOT NULL, updated_at INTEGER NOT NULL'],
    ] as const) {
      db.exec(`CREATE TABLE ${table} (${columns})`)
      await expect(new SQLiteStorage({ db, table }).save(sample('a'))).rejects.toMatchObject({
        code: 'ERR_STORAGE_INVALID_OPTIONS',
      })
    }
  })

  for (const ending of ['natural end', 'process.exit()', 'uncaught throw', 'a later exit listener']) {
    it(`keeps un-awaited saves: ${ending}`, async () => {
      const path = join(await temporaryDirectory(), 'states.db')
      const place = { adapter: 'better-sqlite3', options: { path, mode: 'inline' } }
      const { signal } = await runChild('exits.mjs', { place, count: 50, ending })
      expect(signal).toBeNull()
      const db = new Database(path)
      expect(db.prepare('SELECT count(*) FROM conversations WHERE updated_at > 1').pluck().get()).toBe(50)
      db.close()
    })
  }
})
