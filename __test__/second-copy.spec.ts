import { spawnSync } from 'node:child_process'
import { copyFile, link, mkdir, readdir, readlink, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { runSql, temporaryDirectory } from './support/subjects.js'

const { sample } = samples
const require = createRequire(import.meta.url)
const PACKAGE = fileURLToPath(new URL('..', import.meta.url))

// Two copies of SQLite in one process, on one file. Where they do not see each other's locks, they destroy it.
const SEES_OTHER_COPIES = process.platform === 'linux'
const JOURNALS = ['wal', 'delete'] as const

// biome-ignore lint/suspicious/noExplicitAny: what they have in common
type Any = any

/** Copies of SQLite that users have. No two of them may have one file open in one process. */
const COPIES: Record<string, (path: string) => Any> = {
  'better-sqlite3': (path) => new Database(path),
  libsql: (path) => new Libsql(path, { timeout: 5000 }),
}
const builtIn: Any = process.getBuiltinModule?.('node:sqlite')
if (builtIn !== undefined) COPIES['node:sqlite'] = (path) => new builtIn.DatabaseSync(path, { timeout: 5000 })

const newPath = async () => join(await temporaryDirectory(), 'states.db')

/** How many descriptors of this process lead to the database, or to what lies beside it. */
async function countDescriptors(path: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''))
  return (await Promise.all(links)).filter((name) => name.startsWith(path)).length
}

describe.runIf(SEES_OTHER_COPIES).each(JOURNALS)('{ path } beside another copy, journal %s', (journal) => {
  it.each(Object.keys(COPIES))(
    'neither loses a row while %s closes and opens the file again and again',
    async (name) => {
      const path = await newPath()
      const storage = new SQLiteStorage({ path, journal })
      let mine = 0
      for (let round = 0; round < 30; round++) {
        const db = COPIES[name]?.(path)
        db.exec('CREATE TABLE IF NOT EXISTS mine (x)')
        for (let turn = 0; turn < 5; turn++) {
          const saves = Array.from({ length: 4 }, (_, index) => storage.save(sample(`${round}-${turn}-${index}`)))
          db.prepare('INSERT INTO mine VALUES (?)').run(mine++)
          await Promise.all(saves)
        }
        db.close()
      }
      await storage.close()
      expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
      const counts = 'SELECT (SELECT count(*) FROM conversations) AS ours, (SELECT count(*) FROM mine) AS mine'
      expect(await runSql(path, counts)).toEqual([{ ours: 600, mine: 150 }])
    },
  )

  it('nor while a worker thread does so', async () => {
    const path = await newPath()
    const storage = new SQLiteStorage({ path, journal })
    await storage.load('a')
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads')
       const Database = require(workerData.better)
       for (let round = 0; round < 30; round++) {
         const db = new Database(workerData.path)
         db.exec('CREATE TABLE IF NOT EXISTS mine (x)')
         for (let turn = 0; turn < 5; turn++) db.prepare('INSERT INTO mine VALUES (1)').run()
         db.close()
       }
       parentPort.postMessage('done')`,
      { eval: true, workerData: { path, better: require.resolve('better-sqlite3') } },
    )
    let [saved, isDone] = [0, false]
    worker.on('message', () => {
      isDone = true
    })
    const exited = new Promise((resolve) => worker.on('exit', resolve))
    while (!isDone || saved < 100) await storage.save(sample(`${saved++}`))
    await exited
    await storage.close()
    expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
    const counts = 'SELECT (SELECT count(*) FROM conversations) AS ours, (SELECT count(*) FROM mine) AS mine'
    expect(await runSql(path, counts)).toEqual([{ ours: saved, mine: 150 }])
  })

  it('a save waits for the transaction of the other copy', async () => {
    const path = await newPath()
    const storage = new SQLiteStorage({ path, journal })
    await storage.load('a')
    const db = new Database(path)
    db.exec('BEGIN IMMEDIATE; CREATE TABLE mine (x)')
    let isSaved = false
    const save = storage.save(sample('a')).then(() => {
      isSaved = true
    })
    // Long enough for the save to fail, if it were to fail.
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(isSaved).toBe(false)
    db.exec('COMMIT')
    await save
    expect(db.prepare('SELECT id FROM conversations').all()).toEqual([{ id: 'a' }])
    db.close()
    await storage.close()
  })

  it('close() takes no lock of the other copy away', async () => {
    const path = await newPath()
    const storage = new SQLiteStorage({ path, journal })
    await storage.save(sample('a'))
    const db = new Database(path)
    db.exec('BEGIN IMMEDIATE; CREATE TABLE mine (x)')
    await storage.close()
    const other = `new (require(process.argv[1]))(process.argv[2], { timeout: 0 }).exec('CREATE TABLE other (x)')`
    const { stderr } = spawnSync(process.execPath, ['-e', other, require.resolve('better-sqlite3'), path])
    expect(String(stderr)).toMatch(/database is locked/)
    db.exec('COMMIT')
    db.close()
    await runSql(path, 'CREATE TABLE other (x)')
    expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  })

  it('a storage with { db } may use the same file', async () => {
    const path = await newPath()
    const ours = new SQLiteStorage({ path, journal })
    await ours.save(sample('a'))
    const db = new Database(path)
    for (const mode of ['auto', 'inline'] as const) {
      const theirs = new SQLiteStorage({ db, mode })
      expect(await theirs.load('a')).toEqual(sample('a'))
      await Promise.all([ours.save(sample(`${mode}-ours`)), theirs.save(sample(`${mode}-theirs`))])
      expect(await ours.load(`${mode}-theirs`)).toEqual(sample(`${mode}-theirs`))
      expect(await theirs.load(`${mode}-ours`)).toEqual(sample(`${mode}-ours`))
    }
    db.close()
    await ours.close()
    expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  })

  it('storages that come and go keep at most one descriptor a file, and none once the other copy is gone', async () => {
    const path = await newPath()
    const db = new Database(path)
    db.exec('CREATE TABLE mine (x)')
    const before = await countDescriptors(path)
    for (let round = 0; round < 10; round++) {
      const storage = new SQLiteStorage({ path, journal })
      await storage.save(sample('a'))
      await storage.close()
    }
    expect(await countDescriptors(path)).toBeLessThanOrEqual(before + 2)
    db.close()
    const storage = new SQLiteStorage({ path, journal })
    await storage.save(sample('a'))
    await storage.close()
    expect(await countDescriptors(path)).toBe(0)
  })
})

describe.runIf(SEES_OTHER_COPIES)('a second copy of this package', () => {
  it('shares a file with the first', async () => {
    const copy = join(await temporaryDirectory(), 'package')
    for (const directory of ['', 'lib', 'lib/locks']) {
      await mkdir(join(copy, directory))
      for (const entry of await readdir(join(PACKAGE, directory), { withFileTypes: true })) {
        const isPart = entry.isFile() && /\.(c?js|json|node)$/.test(entry.name)
        if (isPart) await copyFile(join(PACKAGE, directory, entry.name), join(copy, directory, entry.name))
      }
    }
    const path = await newPath()
    const one = new SQLiteStorage({ path })
    for (let round = 0; round < 20; round++) {
      const other = new (require(copy).SQLiteStorage)({ path })
      await Promise.all(
        [one, other].flatMap((storage, index) => [0, 1].map((n) => storage.save(sample(`${round}-${index}-${n}`)))),
      )
      await other.close()
    }
    await one.close()
    expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
    expect(await runSql(path, 'SELECT count(*) AS n FROM conversations')).toEqual([{ n: 80 }])
  })
})

describe.skipIf(process.platform === 'win32')('a second name of a file', () => {
  // SQLite finds -wal and the journal by the name of the database.
  const refused = {
    code: 'ERR_STORAGE_INVALID_OPTIONS',
    message: expect.stringMatching(/SQLite would destroy a file under two names/),
  }
  const operations = (storage: SQLiteStorage) => [storage.save(sample('b')), storage.load('a'), storage.delete('a')]

  it('is refused, whichever was first, if it is a hard link', async () => {
    const path = await newPath()
    const ours = new SQLiteStorage({ path })
    await ours.save(sample('a'))
    await link(path, `${path}.hardlink`)
    for (const operation of operations(new SQLiteStorage({ path: `${path}.hardlink` })))
      await expect(operation).rejects.toMatchObject(refused)
    const db = new Database(`${path}.hardlink`)
    for (const operation of operations(new SQLiteStorage({ db })))
      await expect(operation).rejects.toMatchObject(refused)
    db.close()
    await ours.close()
    expect(await runSql(path, 'SELECT id FROM conversations')).toEqual([{ id: 'a' }])
  })

  it.runIf(SEES_OTHER_COPIES)(
    'is refused, if the first is in use by a database that never was given to us',
    async () => {
      const path = await newPath()
      const db = new Database(path)
      db.exec('CREATE TABLE mine (x)')
      onTestFinished(() => void db.close())
      await link(path, `${path}.hardlink`)
      await expect(new SQLiteStorage({ path: `${path}.hardlink` }).save(sample('a'))).rejects.toMatchObject(refused)
    },
  )

  it.runIf(SEES_OTHER_COPIES)('is fine if it is another spelling', async () => {
    const path = await newPath()
    const db = new Database(path)
    db.exec('CREATE TABLE mine (x)')
    onTestFinished(() => void db.close())
    await symlink(path, `${path}.symlink`)
    await symlink(join(path, '..'), `${path}.dir`)
    for (const name of [`${path}.symlink`, join(`${path}.dir`, 'states.db'), join(path, '..', '.', 'states.db')]) {
      const storage = new SQLiteStorage({ path: name })
      await storage.save(sample(name))
      await storage.close()
    }
    expect(db.prepare('SELECT count(*) AS n FROM conversations').get()).toEqual({ n: 3 })
  })
})

// There the locks belong to the process.
describe.runIf(process.platform === 'darwin')('where two copies do not see each other', () => {
  it('path first: a db on the same file is refused', async () => {
    const path = await newPath()
    const ours = new SQLiteStorage({ path })
    await ours.save(sample('a'))
    const db = new Database(path)
    // Closing it before would drop the locks of the storage above, which is the hazard itself.
    onTestFinished(() => void db.close())
    await expect(new SQLiteStorage({ db }).save(sample('b'))).rejects.toMatchObject({
      code: 'ERR_STORAGE_INVALID_OPTIONS',
      message: expect.stringMatching(/copy of SQLite would destroy it/),
    })
    await ours.close()
    expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  })
})

it('after close() the file is free again', async () => {
  const path = await newPath()
  const ours = new SQLiteStorage({ path })
  await ours.save(sample('a'))
  await ours.close()
  const db = new Database(path)
  onTestFinished(() => void db.close())
  expect(await new SQLiteStorage({ db }).load('a')).toEqual(sample('a'))
})
