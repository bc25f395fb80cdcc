import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { runSql, temporaryDirectory } from './support/subjects.js'

const { sample } = samples

const newPath = async () => join(await temporaryDirectory(), 'states.db')

describe('the database', () => {
  it('is what the contract says, for any program to read', async () => {
    const path = await newPath()
    const storage = new SQLiteStorage({ path })
    const before = Date.now()
    await storage.save(sample('a\0b'))
    const after = Date.now()
    const rows = (await runSql(path, 'SELECT * FROM conversations')) as {
      id: string
      state: string
      updated_at: number
    }[]
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ id: 'a\0b', state: JSON.stringify(sample('a\0b')) })
    expect(rows[0]?.updated_at).toBeGreaterThanOrEqual(before)
    expect(rows[0]?.updated_at).toBeLessThanOrEqual(after)
    expect(await runSql(path, 'PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }])
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await storage.close()
    expect(await readdir(join(path, '..'))).toEqual(['states.db'])
  })

  it('takes any table name as a name', async () => {
    const path = await newPath()
    for (const table of ['x"; DROP TABLE conversations; --', 'with space', '\u{1F4AC}', 'select', "it's", '[a]', '`']) {
      const storage = new SQLiteStorage({ path, table })
      await storage.save(sample(table))
      expect(await storage.load(table)).toEqual(sample(table))
      expect(await runSql(path, 'SELECT count(*) AS n FROM sqlite_master WHERE name = ?', table)).toEqual([{ n: 1 }])
      await storage.close()
    }
  })

  it('is shared by several storages, each with a table of its own or the same', async () => {
    const path = await newPath()
    const one = new SQLiteStorage({ path })
    const same = new SQLiteStorage({ path })
    const other = new SQLiteStorage({ path, table: 'other' })
    await Promise.all([one.save(sample('a')), other.save(sample('a', { currentStep: 'other' }))])
    expect((await same.load('a'))?.currentStep).toBe('ask_name')
    expect((await other.load('a'))?.currentStep).toBe('other')
    await one.close()
    await same.save(sample('b'))
    await other.close()
    expect((await same.load('b'))?.conversationId).toBe('b')
    await same.close()
    const again = new SQLiteStorage({ path })
    expect((await again.load('b'))?.conversationId).toBe('b')
    await again.close()
  })
})

describe('the journal', () => {
  const journalOf = async (path: string) => {
    const [row] = (await runSql(path, 'PRAGMA journal_mode')) as { journal_mode: string }[]
    return row?.journal_mode
  }
  const saveWith = async (path: string, journal: 'wal' | 'delete' | undefined, id: string) => {
    const storage = new SQLiteStorage({ path, journal })
    await storage.save(sample(id))
    await storage.close()
  }

  it('is the one that is asked for, also if the file had another', async () => {
    const path = await newPath()
    for (const [journal, found] of [
      ['delete', 'delete'],
      [undefined, 'wal'],
      ['delete', 'delete'],
      ['wal', 'wal'],
    ] as const) {
      await saveWith(path, journal, `${journal}`)
      expect(await journalOf(path)).toBe(found)
    }
    expect(await runSql(path, 'SELECT count(*) AS n FROM conversations')).toEqual([{ n: 3 }])
  })

  it('stays what it is while others use the file', async () => {
    const path = await newPath()
    await saveWith(path, 'wal', 'a')
    const other = new Database(path)
    other.prepare('SELECT * FROM conversations').all()
    await saveWith(path, 'delete', 'b')
    expect(other.pragma('journal_mode', { simple: true })).toBe('wal')
    other.close()
    await saveWith(path, 'delete', 'c')
    expect(await journalOf(path)).toBe('delete')
    expect(await runSql(path, 'SELECT count(*) AS n FROM conversations')).toEqual([{ n: 3 }])
  })
})

it('what only another connection has is named, and is no reason to try again', async () => {
  const path = await newPath()
  const storage = new SQLiteStorage({ path })
  await storage.load('a')
  const db = new Database(path)
  // The types lack the factory of a module.
  db.table('vectors', (() => ({ columns: ['x'], *rows() {} })) as never)
  db.exec('CREATE VIRTUAL TABLE v USING vectors()')
  for (const [body, missing] of [
    ['SELECT * FROM v', 'no such module: vectors'],
    ['SELECT embed(new.id)', 'no such function: embed'],
    ['SELECT 1 WHERE new.id = new.state COLLATE german', 'no such collation sequence: german'],
  ]) {
    db.exec(`CREATE TRIGGER t AFTER INSERT ON conversations BEGIN ${body}; END`)
    await expect(storage.save(sample('a'))).rejects.toMatchObject({
      code: 'ERR_STORAGE_DENIED',
      retryable: false,
      message: expect.stringMatching(`${missing}.*option "db"`),
    })
    db.exec('DROP TRIGGER t')
  }
  await storage.save(sample('a'))
  db.close()
  await storage.close()
})

describe('bad places', () => {
  it('a file that is no database is left as it is', async () => {
    const path = await newPath()
    const text = 'these are my notes, not a database. '.repeat(50)
    await writeFile(path, text)
    const storage = new SQLiteStorage({ path })
    for (const operation of [storage.save(sample('a')), storage.load('a'), storage.delete('a')]) {
      await expect(operation).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT', cause: { code: 'SQLITE_NOTADB' } })
    }
    expect(await readFile(path, 'utf8')).toBe(text)
    await storage.close()
  })

  it('a directory', async () => {
    const storage = new SQLiteStorage({ path: await temporaryDirectory() })
    await expect(storage.load('a')).rejects.toMatchObject({ adapter: 'sqlite', name: 'StorageError' })
    await storage.close()
  })

  it('a table with other columns is refused, with both sets, and left as it is', async () => {
    const path = await newPath()
    await runSql(path, 'CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT)')
    const storage = new SQLiteStorage({ path })
    const error = await storage.save(sample('a')).then(
      () => undefined,
      (reason) => reason,
    )
    expect(error).toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS' })
    for (const column of ['id', 'name', 'state', 'updated_at']) expect(error.message).toContain(column)
    expect(await runSql(path, 'SELECT count(*) AS n FROM conversations')).toEqual([{ n: 0 }])
    const other = new SQLiteStorage({ path, table: 'mine' })
    await other.save(sample('a'))
    expect(await other.load('a')).toEqual(sample('a'))
    await Promise.all([storage.close(), other.close()])
  })

  it('a table in which two ids would meet is refused', async () => {
    for (const id of ['id TEXT PRIMARY KEY COLLATE NOCASE', 'id INTEGER PRIMARY KEY', 'id TEXT']) {
      const path = await newPath()
      await runSql(path, `CREATE TABLE conversations (${id}, state TEXT NOT NULL, updated_at INTEGER NOT NULL)`)
      const storage = new SQLiteStorage({ path })
      await expect(storage.save(sample('User'))).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS' })
      await storage.close()
    }
  })

  it('a row that is no text is corrupt, and replaced by the next save', async () => {
    const path = await newPath()
    const storage = new SQLiteStorage({ path })
    await storage.load('a')
    await runSql(path, "INSERT INTO conversations VALUES ('a', x'ff00', 1)")
    await expect(storage.load('a')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT', conversationId: 'a' })
    await storage.save(sample('a'))
    expect(await storage.load('a')).toEqual(sample('a'))
    await storage.close()
  })
})
