import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { runChild } from './support/child.js'
import type { Place } from './support/open.mjs'
import { runSql, temporaryDirectory } from './support/subjects.js'

const { sample } = samples

/** Each way to construct a storage on a file. */
const WAYS = ['path', 'auto', 'inline'] as const

interface Opened {
  storage: SQLiteStorage
  path: string
  db: Database.Database | undefined
}

/** Opens a storage on a new file, in which `sql` was run before. */
async function open(way: (typeof WAYS)[number], options: object = {}, sql: string[] = []): Promise<Opened> {
  const path = join(await temporaryDirectory(), 'states.db')
  for (const one of ['PRAGMA journal_mode = WAL', ...sql]) await runSql(path, one)
  if (way === 'path') return { storage: new SQLiteStorage({ path, ...options }), path, db: undefined }
  const db = new Database(path)
  return { storage: new SQLiteStorage({ db, mode: way, ...options }), path, db }
}

async function listed(storage: SQLiteStorage, options?: object) {
  const found = []
  for await (const one of storage.list(options)) found.push(one)
  return found.sort((one, other) => (one.id < other.id ? -1 : 1))
}

const ids = async (storage: SQLiteStorage, options?: object) => (await listed(storage, options)).map(({ id }) => id)

const OLD = 1_600_000_000_000

describe.each(WAYS)('the age of conversations, %s', (way) => {
  it.each([
    ['as the storage makes it', 'updated_at INTEGER NOT NULL'],
    ['of text', 'updated_at TEXT'],
    ['without a type', 'updated_at'],
  ])('times that are none never expire, in a column %s', async (_name, column) => {
    const create = `CREATE TABLE conversations (id TEXT PRIMARY KEY, state TEXT, ${column})`
    const { storage, path } = await open(way, { ttl: 60, sweep: false }, [create])
    const now = Date.now()
    const unknown: [string, unknown][] = [
      ['seconds', Math.floor(now / 1_000)],
      ['zero', 0],
      ['negative', -OLD],
      ['a date', '2020-01-01 00:00:00'],
      ['a word', 'yesterday'],
    ]
    if (!column.includes('NOT NULL')) unknown.push(['nothing', null])
    const insert = 'INSERT INTO conversations VALUES (?, ?, ?)'
    for (const [id, time] of unknown) await runSql(path, insert, id, JSON.stringify(sample(id)), time)
    // As a number it is a time, as a text it is not.
    await runSql(path, insert, 'old', JSON.stringify(sample('old')), OLD)
    const isKnown = !column.includes('TEXT')
    for (const [id] of unknown) {
      expect(await storage.load(id), id).toEqual(sample(id))
      expect(await storage.has(id), id).toBe(true)
    }
    expect(await storage.load('old')).toEqual(isKnown ? null : sample('old'))
    const all = await listed(storage)
    expect(all.map(({ id, updatedAt, expiresAt }) => [id, updatedAt, expiresAt])).toEqual(
      [...unknown.map(([id]) => id), ...(isKnown ? [] : ['old'])].sort().map((id) => [id, null, null]),
    )
    const expected = { removed: isKnown ? 1 : 0, kept: 0, unknown: all.length }
    expect(await storage.purge({ olderThan: 0, dryRun: true })).toEqual(expected)
    expect(await storage.purge({ olderThan: 0 })).toEqual(expected)
    expect(await storage.clear({ all: true })).toBe(all.length)
    await storage.close()
  })

  it('a touch makes no text anew, and no age younger', async () => {
    const { storage, path } = await open(way, { ttl: 3_600 })
    await storage.save(sample('a'))
    const ahead = Date.now() + 1_000_000
    const times = async () => runSql(path, 'SELECT updated_at FROM conversations')
    await runSql(path, 'UPDATE conversations SET updated_at = ?', ahead)
    expect(await storage.touch('a')).toBe(true)
    expect(await times()).toEqual([{ updated_at: ahead }])
    await runSql(path, 'UPDATE conversations SET updated_at = ?, state = ?', Date.now() - 3_000_000, 'no JSON')
    expect(await storage.touch('a')).toBe(true)
    const [row] = (await runSql(path, 'SELECT * FROM conversations')) as { updated_at: number; state: string }[]
    expect(row?.updated_at).toBeGreaterThan(Date.now() - 1_000_000)
    expect(row?.state).toBe('no JSON')
    await storage.close()
  })

  it('a load renews only once a twentieth has passed, and loads also what it cannot renew', async () => {
    const { storage, path } = await open(way, { ttl: 1_000, refreshOnLoad: true })
    const time = async () =>
      ((await runSql(path, 'SELECT updated_at FROM conversations')) as { updated_at: number }[])[0]?.updated_at
    await storage.save(sample('a'))
    for (const [age, isRenewed] of [
      [40_000, false],
      [60_000, true],
    ] as const) {
      const before = Date.now() - age
      await runSql(path, 'UPDATE conversations SET updated_at = ?', before)
      expect(await storage.load('a')).toEqual(sample('a'))
      if (isRenewed) expect(await time()).toBeGreaterThan(before)
      else expect(await time()).toBe(before)
    }
    const trigger = "CREATE TRIGGER t BEFORE UPDATE ON conversations BEGIN SELECT raise(ABORT, 'no'); END"
    await runSql(path, 'UPDATE conversations SET updated_at = ?', Date.now() - 60_000)
    await runSql(path, trigger)
    expect(await storage.load('a')).toEqual(sample('a'))
    await storage.close()
  })

  it('what somebody has the lock of is kept by a purge, and removed by a clear', async () => {
    const { storage, path, db } = await open(way)
    const other = new SQLiteStorage(db === undefined ? { path } : { db, mode: way === 'inline' ? 'inline' : 'auto' })
    await Promise.all(['free', 'held'].map((id) => storage.save(sample(id))))
    await storage.withLock('held', async () => {
      await runSql(path, 'UPDATE conversations SET updated_at = ?', OLD)
      expect(await other.purge({ olderThan: 60, dryRun: true })).toEqual({ removed: 1, kept: 1, unknown: 0 })
      expect(await other.purge({ olderThan: 60 })).toEqual({ removed: 1, kept: 1, unknown: 0 })
      expect(await ids(other)).toEqual(['held'])
      expect(await other.clear({ all: true })).toBe(1)
    })
    // What is left of a lock whose holder is dead keeps nothing.
    await storage.save(sample('held'))
    await runSql(path, 'UPDATE conversations SET updated_at = ?', OLD)
    await runSql(
      path,
      "INSERT INTO conversations_locks VALUES ('held', 'H somebody 1600000000000 15000 0' || char(10))",
    )
    expect(await other.purge({ olderThan: 60 })).toEqual({ removed: 1, kept: 0, unknown: 0 })
    await Promise.all([storage.close(), other.close()])
  })

  it('a purge that finds nothing waits for no lock', async () => {
    const { storage, path } = await open(way)
    await storage.save(sample('a'))
    const blocker = new Database(path)
    blocker.exec('BEGIN IMMEDIATE')
    const purge = storage.purge({ olderThan: 3_600 })
    if (way === 'inline') blocker.exec('ROLLBACK')
    expect(await purge).toEqual({ removed: 0, kept: 1, unknown: 0 })
    blocker.close()
    await storage.close()
  })
})

describe('inside a transaction of the user', () => {
  it.each(['auto', 'inline'] as const)(
    'a look sees what is not committed, and a rollback undoes a removal, %s',
    async (way) => {
      const { storage, db } = await open(way)
      await storage.save(sample('before'))
      db?.exec('BEGIN')
      await storage.save(sample('inside'))
      expect(await ids(storage)).toEqual(['before', 'inside'])
      expect(await storage.touch('inside')).toBe(true)
      expect(await storage.clear({ all: true })).toBe(2)
      expect(await storage.count()).toBe(0)
      db?.exec('ROLLBACK')
      expect(await ids(storage)).toEqual(['before'])
      await storage.close()
    },
  )
})

describe.each(WAYS)('looks through unusual tables, %s', (way) => {
  it.each([
    ['WITHOUT ROWID', 'CREATE TABLE conversations (id TEXT PRIMARY KEY, state TEXT, updated_at INTEGER) WITHOUT ROWID'],
    ['negative rowids', 'CREATE TABLE conversations (id TEXT UNIQUE, state TEXT, updated_at INTEGER)'],
    [
      'a column that ignores case',
      'CREATE TABLE conversations (id TEXT COLLATE NOCASE, state TEXT, updated_at INTEGER)',
    ],
  ])('%s', async (name, create) => {
    const sql = [create]
    if (name.includes('case')) sql.push('CREATE UNIQUE INDEX i ON conversations (id COLLATE BINARY)')
    if (name.includes('negative')) {
      sql.push(
        "INSERT INTO conversations (rowid, id, state, updated_at) VALUES (-9223372036854775808, 'first', '{}', 1)",
      )
    }
    const { storage } = await open(way, {}, sql)
    const given = ['A', 'a', 'AB', 'ab', 'B', 'b', '\u{10ffff}', '\u{10ffff}x', '\u{ffff}', '\ue000', '\u{1f4ac}']
    await Promise.all(given.map((id) => storage.save(sample(id))))
    const all = [...given, ...(name.includes('negative') ? ['first'] : [])].sort()
    expect(await ids(storage)).toEqual(all)
    expect(await ids(storage, { details: false })).toEqual(all)
    for (const prefix of ['a', 'A', '\u{10ffff}', '\u{ffff}', 'none']) {
      expect(await ids(storage, { prefix }), prefix).toEqual(all.filter((id) => id.startsWith(prefix)))
    }
    expect(await storage.clear({ prefix: 'a' })).toBe(2)
    expect(await storage.count()).toBe(all.length - 2)
    await storage.close()
  })

  it('a database in UTF-16, whose order is another', async () => {
    const { storage } = await open(way, {}, [])
    await storage.close()
    const path = join(await temporaryDirectory(), 'states.db')
    const made = new Database(path)
    made.exec("PRAGMA encoding = 'UTF-16le'; PRAGMA journal_mode = WAL; CREATE TABLE other (a)")
    const other = way === 'path' ? new SQLiteStorage({ path }) : new SQLiteStorage({ db: made, mode: way })
    if (way === 'path') made.close()
    const given = ['ab', 'b', 'a\u0100', '\u0100a', 'a\u{1f4ac}', 'a\0b', 'a"b', '"a']
    await Promise.all(given.map((id) => other.save(sample(id))))
    expect(await ids(other)).toEqual([...given].sort())
    expect(await ids(other, { prefix: 'a' })).toEqual(given.filter((id) => id.startsWith('a')).sort())
    await other.close()
  })

  it('rows that are no conversations are left out, and stay', async () => {
    const { storage, path } = await open(way, {}, [
      'CREATE TABLE conversations (id TEXT PRIMARY KEY, state TEXT, updated_at)',
    ])
    await storage.save(sample('mine'))
    const insert = 'INSERT INTO conversations VALUES (?, ?, ?)'
    await runSql(path, "INSERT INTO conversations VALUES (x'61', '{}', 1)")
    await runSql(path, insert, null, '{}', 1)
    await runSql(path, insert, '', '{}', 1)
    await runSql(path, insert, 'x'.repeat(1_025), '{}', 1)
    expect(await ids(storage)).toEqual(['mine'])
    expect(await storage.count()).toBe(1)
    expect(await storage.clear({ all: true })).toBe(1)
    expect(await runSql(path, 'SELECT count(*) AS n FROM conversations')).toEqual([{ n: 4 }])
    await storage.close()
  })

  it('a cursor that goes with another kind of table is refused', async () => {
    const { storage } = await open(way, {}, [
      'CREATE TABLE conversations (id TEXT PRIMARY KEY, state TEXT, updated_at INTEGER) WITHOUT ROWID',
    ])
    for (const cursor of ['r1', 'p', 'rx', 'x', 'r1.5', '9']) {
      await expect(ids(storage, { cursor }), cursor).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS' })
    }
    await storage.close()
  })
})

describe('processes that save conversations as these expire, while all remove what has expired', () => {
  const places: [string, (path: string) => Place][] = [
    ['path', (path) => ({ adapter: 'sqlite', options: { path, ttl: 1 } })],
    ['auto', (path) => ({ adapter: 'better-sqlite3', options: { path, journal: 'WAL', ttl: 1 } })],
    ['inline', (path) => ({ adapter: 'better-sqlite3', options: { path, journal: 'WAL', mode: 'inline', ttl: 1 } })],
  ]
  it.each(places)('lose nothing that was acknowledged, %s', async (_name, placeOf) => {
    const path = join(await temporaryDirectory(), 'data', 'states.db')
    await mkdir(dirname(path))
    await runSql(path, 'PRAGMA journal_mode = WAL')
    const processes = Array.from({ length: 8 }, (_, n) =>
      runChild('expiring.mjs', { place: placeOf(path), name: `p${n}`, count: 150, ids: 50 }),
    )
    let removed = 0
    for (const { code, stdout, stderr } of await Promise.all(processes)) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const ended = JSON.parse(stdout)
      expect(ended.lost).toEqual([])
      expect(ended.saved).toBe(150)
      removed += ended.removed
    }
    expect(removed).toBeGreaterThan(0)
  })
})
