// What the command line says of wrong arguments, and of places that are no stores.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { SQLiteStorage } from '../index.js'
import { cli } from './support/cli.js'
import { state } from './support/cli-stores.js'
import { loadBetterSqlite } from './support/open.mjs'
import { runSql } from './support/subjects.js'

describe('a store that is none', () => {
  let cwd: string
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'flowkit-test-'))
    await writeFile(join(cwd, 'notes.txt'), 'no store')
    await writeFile(join(cwd, 'notes.db'), 'no database, but a text of some length. '.repeat(100))
    await writeFile(join(cwd, 'short.db'), 'x')
    await writeFile(join(cwd, 'empty.db'), '')
    await mkdir(join(cwd, 'empty'))
    await runSql(join(cwd, 'users.db'), 'CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)')
    await runSql(join(cwd, 'theirs.db'), 'CREATE TABLE conversations (id INTEGER PRIMARY KEY, title TEXT)')
  })

  afterAll(() => rm(cwd, { recursive: true }))

  // The others open a store as `ls` or `rm` does.
  const COMMANDS = [['ls'], ['doctor'], ['rm', 'ana', '--yes'], ['compact']]

  it.each([
    ['./nowhere', 'There is no directory ./nowhere.'],
    ['nowhere.db', 'There is no file nowhere.db.'],
    ['sqlite:sub/nowhere.db', 'There is no file sqlite:sub/nowhere.db.'],
    ['notes.txt', 'notes.txt is a file, not a directory of conversations.'],
    [
      'file:users.db',
      'file:users.db is a file, not a directory of conversations. It is an SQLite database: write sqlite:users.db.',
    ],
    ['sqlite:/dev/null', 'sqlite:/dev/null is no ordinary file.'],
    ['notes.txt/below', 'Cannot read notes.txt/below: ENOTDIR.'],
    ['sqlite:empty', 'sqlite:empty is a directory. Write file:empty for files in it.'],
    ['empty.db', 'empty.db is an empty file, not a database.'],
    ['notes.db', 'notes.db is not an SQLite database'],
    ['short.db', 'short.db is not an SQLite database'],
    [
      'users.db',
      'users.db has no table "conversations". Its tables: "users". STORE names one as sqlite:PATH?table=NAME.',
    ],
    ['theirs.db', 'has the columns (id, title) instead of (id, state, updated_at)'],
    ['sqlite:users.db?table=users', 'has the columns (id, name) instead of (id, state, updated_at)'],
  ])('%s: every command says so, makes nothing and changes nothing', async (store, message) => {
    const look = async () =>
      Promise.all(
        (await readdir(cwd))
          .sort()
          .map(async (name) => [name, name === 'empty' ? '' : await readFile(join(cwd, name), 'latin1')]),
      )
    const before = await look()
    for (const [command = '', ...args] of COMMANDS) {
      const { code, stdout, stderr } = await cli([command, store, ...args], { cwd })
      expect({ command, code, stdout }).toEqual({ command, code: 1, stdout: '' })
      expect(stderr).toContain(message)
      expect(stderr).toMatch(/^Error: [^\n]*\n$/)
    }
    expect(await look()).toEqual(before)
  })

  it.each([
    ['', 'STORE is empty'],
    ['postgres://u:hunter2@h/db', 'There is no kind of store "postgres:"'],
    ['redis://u:hunter2@127.0.0.1:1/?prefx=a', 'takes no parameter "prefx". Did you mean "prefix"?'],
    ['redis://u:hunter2?x@127.0.0.1/', 'takes no parameter'],
    ['file:./data?extention=.txt', 'Did you mean "extension"?'],
    ['sqlite::memory:', 'needs a path'],
    ['env:FLOWKIT_NOT_THERE', '"FLOWKIT_NOT_THERE" is not set'],
    ['file://host/share', 'names no local path'],
    ['redis://127.0.0.1/?ttl=1d', 'takes seconds'],
  ])('%j is wrong usage, and no password is printed', async (store, message) => {
    const { code, stdout, stderr } = await cli(['ls', store], { cwd })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('hunter2')
    expect(stderr).not.toContain('    at ')
  })

  it('is what an environment variable names, which no message repeats', async () => {
    const env = { STORE: 'redis://user:hunter2@127.0.0.1:1/0' }
    const { code, stderr } = await cli(['doctor', 'env:STORE'], { cwd, env })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error: Cannot ask env:STORE: .*ECONNREFUSED.*\n$/)
    expect(stderr).not.toContain('hunter2')
  })

  it('is a locked database, after some seconds, and another time it is there', async () => {
    const path = join(cwd, 'locked.db')
    const storage = new SQLiteStorage({ path, journal: 'delete' })
    await storage.save(state('ana'))
    await storage.close()
    const db = new (loadBetterSqlite())(path)
    db.exec('BEGIN EXCLUSIVE')
    const { code, stdout, stderr } = await cli(['ls', 'locked.db'], { cwd })
    db.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^Error: Cannot look at locked\.db: .* is locked by another connection; try again\.\n$/)
    expect((await cli(['ls', 'locked.db', '--ids'], { cwd })).stdout).toBe('ana\n')
  })

  it.skipIf(process.getuid?.() === 0)('is a directory that may not be read', async () => {
    await mkdir(join(cwd, 'closed'))
    await chmod(join(cwd, 'closed'), 0)
    expect((await cli(['ls', 'closed'], { cwd })).code).toBe(1)
  })
})

describe('usage', () => {
  it.each([
    [[], 'Usage: flowkit-storage COMMAND STORE'],
    [['lss', '.'], 'There is no command "lss". Did you mean "ls"?'],
    [['../main', '.'], 'There is no command "../main".'],
    [['ls'], 'STORE is missing.'],
    [['ls', '.', 'more'], 'There is an argument too many: "more".'],
    [['show', '.'], 'ID is missing.'],
    [['prune', '.'], '--older-than is missing.'],
    [['show', '.', '-x'], 'An argument that begins with "-" goes behind "--".'],
    [['ls', '.', '--nope\u001b[2J'], "Unknown option '--nope\\u001b[2J'."],
    [
      ['ls', '.', '--older-than', '90'],
      '--older-than takes a number and a unit, such as 45m, 12h, 90d or 4w; not "90".',
    ],
    [['ls', '.', '--limit', '0'], '--limit takes a whole number, 1 or more; not "0".'],
    [['ls', '.', '--sort', 'name'], '--sort takes updated or size; not "name".'],
    [['ls', '.', '--ids', '--json'], '--ids and --json exclude each other.'],
  ])('%j is told what is wrong, in few words', async (args, message) => {
    const { code, stdout, stderr } = await cli(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr.length).toBeLessThan(2_500)
  })

  it('is short, however long an argument is', async () => {
    for (const args of [['x'.repeat(5_000)], ['ls', '.', `--${'y'.repeat(5_000)}`], ['ls', '.', 'z'.repeat(5_000)]]) {
      const { code, stderr } = await cli(args)
      expect(code).toBe(2)
      expect(stderr.length).toBeLessThan(400)
    }
  })

  it('of an id that is none is told, too', async () => {
    const { code, stderr } = await cli(['show', '.', ''])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'Error: Cannot load a conversation: the conversation id is empty.\n',
    })
  })

  it('is printed for --help, for each command, and ends well', async () => {
    const { code, stdout } = await cli(['--help'])
    expect(code).toBe(0)
    const names = (await readdir(new URL('../cli/commands', import.meta.url))).map((name) => name.replace('.js', ''))
    for (const name of names) {
      expect(stdout).toContain(`\n  ${name} `)
      const help = await cli([name, '--help'])
      expect(help).toMatchObject({ code: 0, stderr: '' })
      expect(help.stdout).toContain(`Usage: flowkit-storage ${name}`)
      for (const line of `${stdout}${help.stdout}`.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120)
    }
    const version = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')).version
    expect((await cli(['--version'])).stdout).toBe(`${version}\n`)
  })
})
