import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Database from 'better-sqlite3'
import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { temporaryDirectory } from './support/subjects.js'

const { sample } = samples

type Db = Database.Database

const newPath = async () => join(await temporaryDirectory(), 'states.db')

async function open(path?: string, options?: Database.Options): Promise<Db> {
  const db = new Database(path ?? (await newPath()), options)
  onTestFinished(() => void db.close())
  return db
}

// biome-ignore lint/suspicious/noExplicitAny: databases of every kind, with the types of none
const storageOn = (db: any, options: object = {}) => new SQLiteStorage({ db, ...options })

/** A database, and what is expected of a storage on it: native, or inline for this reason. */
const ROWS: [string, () => Promise<unknown>, RegExp | 'native'][] = [
  ['a file', () => open(), 'native'],
  [
    'a file in WAL mode',
    async () => {
      const db = await open()
      db.pragma('journal_mode = WAL')
      return db
    },
    'native',
  ],
  [
    'a file whose name looks like a URI',
    async () => open(join(await temporaryDirectory(), 'a?mode=memory#b')),
    'native',
  ],
  ['memory', () => open(':memory:'), /memory/],
  ['temporary', () => open(''), /memory or temporary/],
  ['a serialized buffer', async () => new Database((await open(':memory:')).serialize()), /memory/],
  ['libsql, whose loadExtension aborts the process', async () => new Libsql(await newPath()), /no better-sqlite3/],
  [
    'a file that was renamed',
    async () => {
      const path = await newPath()
      const db = await open(path)
      // In the rollback modes SQLite itself writes nothing any more.
      db.pragma('journal_mode = WAL')
      db.exec('CREATE TABLE x (y)')
      await rename(path, `${path}-elsewhere`)
      return db
    },
    /moved or deleted/,
  ],
  [
    'exclusive locking mode',
    async () => {
      const db = await open()
      db.pragma('locking_mode = EXCLUSIVE')
      return db
    },
    /EXCLUSIVE/,
  ],
  ['a short busy timeout', () => open(undefined, { timeout: 0 }), /busy timeout is 0 ms/],
  [
    'temporary triggers',
    async () => {
      const db = await open()
      db.exec('CREATE TABLE x (y); CREATE TEMP TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; END')
      return db
    },
    /temporary triggers/,
  ],
  [
    'a trigger with a function of JavaScript',
    async () => {
      const db = await open()
      await storageOn(db).save(sample('a'))
      db.function('mine', () => 1)
      db.exec('CREATE TRIGGER t AFTER UPDATE ON conversations BEGIN SELECT mine(); END')
      return db
    },
    /no such function: mine/,
  ],
  [
    'a trigger with a virtual table whose module our connection lacks',
    async () => {
      const db = await open()
      await storageOn(db).save(sample('a'))
      db.table('mine', {
        columns: ['x'],
        *rows() {
          yield { x: 1 }
        },
      })
      db.exec('CREATE TABLE log (x)')
      db.exec('CREATE TRIGGER t AFTER UPDATE ON conversations BEGIN INSERT INTO log SELECT x FROM mine; END')
      return db
    },
    /no such table: .*mine/,
  ],
]

describe('the mode', () => {
  for (const [name, make, expected] of ROWS) {
    it(`${name}: ${expected === 'native' ? 'native' : 'inline'}`, async () => {
      const db = await make()
      const storage = storageOn(db)
      // What can be told before the first operation makes the connection, or finds that there must be none.
      if (expected === 'native') expect(storage.mode).toBe('native')
      await storage.save(sample('a'))
      await storage.save(sample('a', { currentStep: 'later' }))
      expect((await storage.load('a'))?.currentStep).toBe('later')
      expect(storage.mode).toBe(expected === 'native' ? 'native' : 'inline')
      expect(storage.modeReason).toMatch(expected === 'native' ? /database's own SQLite/ : expected)
      await storage.close()
    })
  }

  it('a read-only connection: native, it loads and refuses to save', async () => {
    const path = await newPath()
    await storageOn(await open(path)).save(sample('a'))
    const storage = storageOn(await open(path, { readonly: true }))
    expect(await storage.load('a')).toEqual(sample('a'))
    expect(storage.mode).toBe('native')
    for (const denied of [storage.save(sample('a')), storage.delete('a')]) {
      await expect(denied).rejects.toMatchObject({ code: 'ERR_STORAGE_DENIED', cause: { code: 'SQLITE_READONLY' } })
    }
    expect(await storage.load('a')).toEqual(sample('a'))
  })

  it('inline where the option says so', async () => {
    const storage = storageOn(await open(), { mode: 'inline' })
    await storage.save(sample('a'))
    expect([storage.mode, storage.modeReason]).toEqual(['inline', 'the option "mode" says so'])
    expect(() => storageOn({ prepare() {}, exec() {} }, { mode: 'native' })).toThrow(/must be "auto" or "inline"/)
    expect(() => new SQLiteStorage({ path: '/x', mode: 'inline' } as never)).toThrow(/goes with the option "db"/)
  })

  it('a path is native', async () => {
    const storage = new SQLiteStorage({ path: await newPath() })
    expect([storage.mode, storage.modeReason]).toEqual(['native', 'the storage opens the file itself'])
  })

  it('inside a transaction: inline until it ends', async () => {
    const db = await open()
    const storage = storageOn(db)
    db.exec('BEGIN')
    await storage.save(sample('a'))
    expect(storage.mode).toBe('inline')
    db.exec('COMMIT')
    await storage.save(sample('a'))
    expect(storage.mode).toBe('native')
  })

  it('while a row iterator is open: inline, and native once it is closed', async () => {
    const db = await open()
    await storageOn(db, { mode: 'inline' }).save(sample('a'))
    const storage = storageOn(db)
    const rows = db.prepare('SELECT id FROM conversations').iterate()
    rows.next()
    expect(await storage.load('a')).toEqual(sample('a'))
    expect(storage.modeReason).toMatch(/busy with a row iterator/)
    rows.return?.()
    expect(await storage.load('a')).toEqual(sample('a'))
    expect(storage.mode).toBe('native')
  })

  it('a file that is renamed later: inline from then on, and nothing is lost', async () => {
    const path = await newPath()
    const db = await open(path)
    db.pragma('journal_mode = WAL')
    const storage = storageOn(db)
    await storage.save(sample('a'))
    expect(storage.mode).toBe('native')
    await rename(path, `${path}-elsewhere`)
    await Promise.all([storage.save(sample('a', { currentStep: 'renamed' })), storage.save(sample('b'))])
    expect(storage.mode).toBe('inline')
    expect(storage.modeReason).toMatch(/moved/)
    expect(db.prepare('SELECT count(*) AS n FROM conversations').get()).toEqual({ n: 2 })
    expect((await storage.load('a'))?.currentStep).toBe('renamed')
  })
})

it('keeps a database open that nobody else refers to', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const makeStorage = async (options: object) => storageOn(new Database(await newPath()), options)
  const storages = [await makeStorage({}), await makeStorage({ mode: 'inline' })]
  for (const storage of storages) await storage.save(sample('a'))
  for (let round = 0; round < 5; round++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (const storage of storages) expect(await storage.load('a')).toEqual(sample('a'))
  expect(storages.map(({ mode }) => mode)).toEqual(['native', 'inline'])
})

it('what our connection lacks later is done on the user’s, in order', async () => {
  const db = await open()
  const storage = storageOn(db)
  const other = storageOn(db, { table: 'other' })
  await Promise.all([storage.save(sample('a')), other.save(sample('a'))])
  db.exec('CREATE TABLE log (x)')
  db.function('mine', () => 1)
  db.exec('CREATE TRIGGER t AFTER UPDATE ON conversations BEGIN INSERT INTO log VALUES (mine()); END')
  const all: Promise<unknown>[] = []
  for (let number = 0; number < 300; number++) {
    all.push(
      storage.save(sample('a', { currentStep: `${number}` })),
      other.save(sample('a', { currentStep: `${number}` })),
    )
    all.push(storage.load('a').then((state) => expect(state?.currentStep).toBe(`${number}`)))
    if (number % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(all)
  expect(storage.modeReason).toMatch(/no such function: mine/)
  expect(db.prepare('SELECT count(*) AS n FROM log').get()).toEqual({ n: 300 })
  // Its table has no such trigger.
  expect(other.mode).toBe('native')
  expect((await other.load('a'))?.currentStep).toBe('299')
})
