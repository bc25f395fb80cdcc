import { link } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { temporaryDirectory } from './support/subjects.js'

const { sample } = samples

// biome-ignore lint/suspicious/noExplicitAny: databases of every kind, with the types of none
type Any = any

// Its types do not compile.
const require = createRequire(import.meta.url)

const newPath = async () => join(await temporaryDirectory(), 'states.db')

/** A database whose statements a program changes as soon as they are prepared, as wrappers around databases do. */
async function changed(change: (statement: Any) => void, path?: string): Promise<Any> {
  const db: Any = new Database(path ?? (await newPath()))
  onTestFinished(() => void db.close())
  const { prepare } = db
  db.prepare = (sql: string) => {
    const statement = prepare.call(db, sql)
    if (statement.reader) change(statement)
    return statement
  }
  return db
}

/** What the table check must refuse: the ids `a` and `A` would meet. */
const WRONG = 'id TEXT PRIMARY KEY COLLATE NOCASE, state TEXT NOT NULL, updated_at INTEGER NOT NULL'

const WORKING: [string, () => Promise<Any>][] = [
  ['rows as arrays', () => changed((statement) => statement.raw())],
  ['numbers as bigints', () => changed((statement) => statement.safeIntegers())],
  ['both', () => changed((statement) => statement.raw().safeIntegers())],
  ['rows as arrays, in memory', () => changed((statement) => statement.raw(), ':memory:')],
  ['libsql, numbers as bigints', async () => new Libsql(await newPath()).defaultSafeIntegers(true)],
]

describe.for(WORKING)('a database that returns %s', ([, make]) => {
  it.for(['auto', 'inline'] as const)('stores, finds and checks as any other, %s', async (mode) => {
    const db = await make()
    const storage = new SQLiteStorage({ db, mode })
    await storage.save(sample('a'))
    await Promise.all([storage.save(sample('a', { currentStep: 'later' })), storage.save(sample('b'))])
    expect((await storage.load('a'))?.currentStep).toBe('later')
    expect([await storage.load('nobody'), await storage.has('b'), await storage.has('nobody')]).toEqual([
      null,
      true,
      false,
    ])
    await storage.delete('b')
    expect(await storage.load('b')).toBeNull()
    db.exec(`CREATE TABLE wrong (${WRONG})`)
    await expect(new SQLiteStorage({ db, mode, table: 'wrong' }).load('a')).rejects.toMatchObject({
      code: 'ERR_STORAGE_INVALID_OPTIONS',
    })
  })
})

it('rows as arrays do not hide that a storage with "path" has the file open', async () => {
  const path = await newPath()
  const ours = new SQLiteStorage({ path })
  await ours.save(sample('a'))
  // Under a second name it is refused on every system.
  await link(path, `${path}.hardlink`)
  for (const mode of ['auto', 'inline'] as const) {
    const db = await changed((statement) => statement.raw().safeIntegers(), `${path}.hardlink`)
    const storage = new SQLiteStorage({ db, mode })
    for (const operation of [storage.save(sample('b')), storage.load('a')]) {
      await expect(operation).rejects.toMatchObject({
        code: 'ERR_STORAGE_INVALID_OPTIONS',
        message: expect.stringMatching(/would destroy a file under two names/),
      })
    }
  }
  expect(await ours.load('b')).toBeNull()
  await ours.close()
})

it('a database that does not tell its file is not taken for safe', async () => {
  const db: Any = new Database(await newPath())
  onTestFinished(() => void db.close())
  let hides = false
  const hiding = new Proxy(db, {
    get(_, name) {
      const hidden = (sql: string) => db.prepare(hides && /database_list/.test(sql) ? 'SELECT 1 WHERE 0' : sql)
      if (name === 'prepare') return hidden
      return typeof db[name] === 'function' ? db[name].bind(db) : db[name]
    },
  })
  const storage = new SQLiteStorage({ db: hiding })
  hides = true
  await expect(storage.save(sample('a'))).rejects.toMatchObject({
    code: 'ERR_STORAGE_INVALID_OPTIONS',
    message: expect.stringMatching(/does not tell which file/),
  })
  hides = false
  await storage.save(sample('a'))
})

describe('the constructor refuses', () => {
  const asBetterSqlite3 = /must run statements as better-sqlite3 does/
  const close = (db: Any) => {
    db.close()
    return db
  }
  const CASES: [string, () => Any, RegExp][] = [
    ['rows as bare values', () => changed((statement) => statement.pluck()), asBetterSqlite3],
    ['rows by table', () => changed((statement) => statement.expand()), asBetterSqlite3],
    ['statements that are promises', async () => new (require('libsql/promise'))(await newPath()), asBetterSqlite3],
    ['statements that do nothing', () => ({ prepare() {}, exec() {} }), asBetterSqlite3],
    ['a closed better-sqlite3', () => close(new Database(':memory:')), /is closed\. It must be open\.$/],
    ['a closed libsql, which aborts the process', () => close(new Libsql(':memory:')), /is closed/],
    [
      'the promise of a database',
      () => ({ pending: Promise.resolve(new Database(':memory:')) }),
      /promise: await it first\.$/,
    ],
    ['what wraps a database', () => ({ $client: new Database(':memory:') }), /Give its member \$client\.$/],
    ['a class', () => Database, /not a value of type function/],
  ]
  for (const [name, make, why] of CASES) {
    it(name, async () => {
      const made = await make()
      const db = made.pending ?? made
      for (const mode of ['auto', 'inline'] as const) {
        expect(() => new SQLiteStorage({ db, mode })).toThrow(
          expect.objectContaining({ code: 'ERR_STORAGE_INVALID_OPTIONS', message: expect.stringMatching(why) }),
        )
      }
    })
  }
})

it('a database that shows only by exceptions that it is closed, as bun:sqlite does', async () => {
  const db: Any = new Database(':memory:')
  const shy = new Proxy(db, {
    get(_, name) {
      if (name === 'open') return undefined
      if (name === 'inTransaction' && !db.open) throw new Error('Database has closed')
      return typeof db[name] === 'function' ? db[name].bind(db) : db[name]
    },
  })
  const storage = new SQLiteStorage({ db: shy, mode: 'inline' })
  await storage.save(sample('a'))
  const waiting = [storage.save(sample('a')), storage.save(sample('b'))]
  db.close()
  for (const operation of [...waiting, storage.save(sample('c')), storage.load('a')]) {
    await expect(operation).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED' })
  }
  expect(() => new SQLiteStorage({ db: shy })).toThrow(/is closed\. It must be open\.$/)
})

it('the constructor waits for nothing: a locked file, an open iterator and a function of the user are taken', async () => {
  const path = await newPath()
  const other = new Database(path)
  // To wait for the lock would end in the timeout of the test: nobody releases it meanwhile.
  const db = new Database(path, { timeout: 60_000 })
  onTestFinished(() => {
    db.close()
    other.close()
  })
  other.exec('CREATE TABLE x (y); BEGIN EXCLUSIVE')
  const storage = new SQLiteStorage({ db })
  other.exec('COMMIT')
  let within: SQLiteStorage | undefined
  db.function('construct', () => {
    within = new SQLiteStorage({ db })
    return 1
  })
  db.prepare('SELECT construct()').get()
  const rows = db.prepare('SELECT 1 UNION ALL SELECT 2').iterate()
  rows.next()
  const beside = new SQLiteStorage({ db })
  rows.return?.()
  for (const one of [storage, within, beside]) {
    await one?.save(sample('a'))
    expect(await one?.load('a')).toEqual(sample('a'))
  }
})
