import { link, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it, onTestFinished } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { runSql, temporaryDirectory } from './support/subjects.js'

const { sample } = samples

// Two copies of SQLite on one file in one process destroy it. No order of constructors, no other name of the file, may
// lead there through this package.
const refused = {
  code: 'ERR_STORAGE_INVALID_OPTIONS',
  message: expect.stringMatching(/copy of SQLite would destroy it/),
}

async function otherNames(path: string): Promise<string[]> {
  await symlink(path, `${path}.symlink`)
  await link(path, `${path}.hardlink`)
  return [path, `${path}.symlink`, `${path}.hardlink`, join(path, '..', '.', 'states.db')]
}

it('db first: a path to the same file is refused, under any name', async () => {
  const path = join(await temporaryDirectory(), 'states.db')
  const db = new Database(path)
  const ours = new SQLiteStorage({ db })
  await ours.save(sample('a'))
  for (const name of await otherNames(path)) {
    const storage = new SQLiteStorage({ path: name })
    for (const operation of [storage.save(sample('b')), storage.load('a'), storage.delete('a')]) {
      await expect(operation).rejects.toMatchObject(refused)
    }
    await storage.close()
  }
  expect(await ours.load('a')).toEqual(sample('a'))
  db.close()
  const storage = new SQLiteStorage({ path })
  expect(await storage.load('a')).toEqual(sample('a'))
  await storage.close()
})

it('a database that never was given to us counts too', async () => {
  const path = join(await temporaryDirectory(), 'states.db')
  const db = new Database(path)
  db.exec('CREATE TABLE mine (x)')
  onTestFinished(() => void db.close())
  await expect(new SQLiteStorage({ path }).save(sample('a'))).rejects.toMatchObject(refused)
})

it('path first: a db on the same file is refused', async () => {
  const path = join(await temporaryDirectory(), 'states.db')
  const ours = new SQLiteStorage({ path })
  await ours.save(sample('a'))
  for (const name of await otherNames(path)) {
    const db = new Database(name)
    const storage = new SQLiteStorage({ db })
    for (const operation of [storage.save(sample('b')), storage.load('a'), storage.delete('a')]) {
      await expect(operation).rejects.toMatchObject(refused)
    }
    // Closing it here would drop the locks of the storage above, which is the hazard itself.
    onTestFinished(() => void db.close())
  }
  await ours.close()
  expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  expect(await runSql(path, 'SELECT id FROM conversations')).toEqual([{ id: 'a' }])
})

it('after close() the file is free again', async () => {
  const path = join(await temporaryDirectory(), 'states.db')
  const ours = new SQLiteStorage({ path })
  await ours.save(sample('a'))
  await ours.close()
  const db = new Database(path)
  onTestFinished(() => void db.close())
  expect(await new SQLiteStorage({ db }).load('a')).toEqual(sample('a'))
})
