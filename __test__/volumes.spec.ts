// `{ path }` on volumes that are not like a plain disk, each of them really mounted.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { expect, it, onTestFinished, type TestContext } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { runSql, temporaryDirectory } from './support/subjects.js'

const { sample } = samples
const PACKAGE = fileURLToPath(new URL('..', import.meta.url))

/** Runs a program that mounts `place`, and has it unmounted after the test. Skips the test if that is impossible here. */
function mount(context: TestContext, place: string, program: string, ...words: string[]) {
  const { status, error, stderr } = spawnSync(program, words, { encoding: 'utf8' })
  if (error !== undefined || status !== 0) context.skip(`cannot mount here: ${error?.message ?? stderr}`)
  onTestFinished(() => void execFileSync('umount', ['--lazy', place]))
}

/** A volume whose files cannot be mapped, and the directory where they really are. */
async function withoutSharedMemory(context: TestContext): Promise<{ volume: string; origin: string }> {
  const root = await temporaryDirectory()
  const [volume, origin] = [join(root, 'volume'), join(root, 'origin')]
  await Promise.all([mkdir(volume), mkdir(origin)])
  mount(context, volume, 'mergerfs', '-o', 'cache.files=off', origin, volume)
  return { volume, origin }
}

/** Saves in another process, which is killed with the database open. */
function saveAndCrash(path: string, id: string) {
  const script = `
    const { SQLiteStorage } = require(process.argv[1])
    const storage = new SQLiteStorage({ path: process.argv[2] })
    storage.save({ conversationId: process.argv[3], slots: {} }).then(() => process.kill(process.pid, 'SIGKILL'))`
  const { signal } = spawnSync(process.execPath, ['-e', script, PACKAGE, path, id])
  expect(signal).toBe('SIGKILL')
}

it('without shared memory the journal is a rollback journal, and a crash loses nothing', async (context) => {
  const { volume } = await withoutSharedMemory(context)
  const path = join(volume, 'states.db')
  saveAndCrash(path, 'a')
  saveAndCrash(path, 'b')
  const storage = new SQLiteStorage({ path })
  await storage.save(sample('c'))
  for (const id of ['a', 'b', 'c']) expect((await storage.load(id))?.conversationId).toBe(id)
  expect(await runSql(path, 'PRAGMA journal_mode')).toEqual([{ journal_mode: 'delete' }])
  await storage.close()
  expect(await readdir(volume)).toEqual(['states.db'])
})

it('a database that comes there with a WAL is taken over, with what is in it', async (context) => {
  const { volume, origin } = await withoutSharedMemory(context)
  saveAndCrash(join(origin, 'states.db'), 'a')
  expect(await readdir(origin)).toContain('states.db-wal')
  const storage = new SQLiteStorage({ path: join(volume, 'states.db') })
  expect((await storage.load('a'))?.conversationId).toBe('a')
  await storage.save(sample('b'))
  await storage.close()
  expect(await readdir(volume)).not.toContain('states.db-wal')
  expect(await runSql(join(origin, 'states.db'), 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
})

it('another copy of SQLite may use it there too', async (context) => {
  const { volume } = await withoutSharedMemory(context)
  const path = join(volume, 'states.db')
  const storage = new SQLiteStorage({ path })
  for (let round = 0; round < 20; round++) {
    const db = new Database(path)
    db.exec('CREATE TABLE IF NOT EXISTS mine (x)')
    const save = storage.save(sample(`${round}`))
    db.prepare('INSERT INTO mine VALUES (1)').run()
    await save
    db.close()
  }
  await storage.close()
  const counts = 'SELECT (SELECT count(*) FROM conversations) AS ours, (SELECT count(*) FROM mine) AS mine'
  expect(await runSql(path, counts)).toEqual([{ ours: 20, mine: 20 }])
  expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
})

/** A directory in which one file is mounted from elsewhere, as `-v /host/states.db:/app/states.db` does. */
async function withMountedFile(context: TestContext, name: string): Promise<{ mounted: string; origin: string }> {
  const root = await temporaryDirectory()
  const [mounted, origin] = [join(root, 'container', name), join(root, 'host', name)]
  await Promise.all([mkdir(join(root, 'container')), mkdir(join(root, 'host'))])
  await runSql(origin, 'CREATE TABLE mine (x)')
  await writeFile(mounted, '')
  mount(context, mounted, 'mount', '--bind', origin, mounted)
  return { mounted, origin }
}

const refused = {
  code: 'ERR_STORAGE_INVALID_OPTIONS',
  retryable: false,
  message: expect.stringMatching(/mounted as a single file.*mount its directory instead/),
}

it.for(['states.db', 'my "states"\\ ä.db'])(
  'a file that is mounted alone is refused and left as it is: %s',
  async (name, context) => {
    const { mounted, origin } = await withMountedFile(context, name)
    await writeFile(`${mounted}-wal`, 'of an earlier time')
    await symlink(mounted, `${mounted}.link`)
    const before = await readFile(origin)
    for (const path of [mounted, `${mounted}.link`]) {
      for (const journal of ['wal', 'delete'] as const) {
        const storage = new SQLiteStorage({ path, journal })
        for (const operation of [storage.save(sample('a')), storage.load('a')])
          await expect(operation).rejects.toMatchObject(refused)
        await storage.close()
      }
    }
    expect(await readFile(origin)).toEqual(before)
    expect(await readFile(`${mounted}-wal`, 'utf8')).toBe('of an earlier time')
  },
)

it('a mounted directory is fine', async (context) => {
  const root = await temporaryDirectory()
  const [mounted, origin] = [join(root, 'container'), join(root, 'host')]
  await Promise.all([mkdir(mounted), mkdir(origin)])
  mount(context, mounted, 'mount', '--bind', origin, mounted)
  const storage = new SQLiteStorage({ path: join(mounted, 'states.db') })
  await storage.save(sample('a'))
  expect(await runSql(join(mounted, 'states.db'), 'PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }])
  await storage.close()
})
