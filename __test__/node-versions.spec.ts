import { openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { durabilityCases } from './durability.js'
import { type Runtime, runChild } from './support/child.js'
import { temporaryDirectory } from './support/subjects.js'
import { ENVIRONMENT, HAS_ALL_NODES, installTools, nodeOf } from './support/tools.js'

const KILLS = Number(process.env.FLOWKIT_KILLS ?? 20)

const modules = HAS_ALL_NODES ? await installTools() : ''
const SQLITE_13 = join(modules, 'better-sqlite3-13')
const CIPHERS = join(modules, 'better-sqlite3-multiple-ciphers')

/** A Node.js of this version, with better-sqlite3 13. */
const runtimeOf = (major: number): Runtime => ({
  node: nodeOf(major, modules),
  env: { ...ENVIRONMENT, NODE_NO_WARNINGS: '1', FLOWKIT_BETTER_SQLITE3: SQLITE_13 },
})

/** The cases that other rows show of the inline path at length: not repeated for each reason. */
const inline = (reason: string) => ({ mode: 'inline', reason, runs: 5, rounds: 200 })
/** Its own busy timeout of 0 would have the user's statements fail where they meet our commits: then it is inline. */
const waits = { pragmas: ['busy_timeout = 5000'] }

/** Databases, and what a storage on each must turn out to be. Those without `inMemory` are files. */
const DATABASES = [
  { name: 'better-sqlite3, memory', kind: 'better-sqlite3', module: SQLITE_13, inMemory: true, mode: 'inline' },
  { name: 'better-sqlite3, a file', kind: 'better-sqlite3', module: SQLITE_13, mode: 'native' },
  { name: 'better-sqlite3, a file descriptor', kind: 'descriptor', module: SQLITE_13, ...inline('no file name') },
  { name: 'multiple ciphers, not encrypted', kind: 'better-sqlite3', module: CIPHERS, ...inline('multipleciphers') },
  {
    name: 'multiple ciphers, encrypted',
    kind: 'better-sqlite3',
    module: CIPHERS,
    pragmas: ["cipher = 'sqlcipher'", "key = 'secret'"],
    ...inline('multipleciphers'),
  },
  { name: 'node:sqlite, memory', kind: 'node:sqlite', inMemory: true, mode: 'inline', ...waits },
  { name: 'node:sqlite, a file', kind: 'node:sqlite', mode: 'native', ...waits },
  {
    name: 'node:sqlite, rows as arrays, numbers as bigints',
    kind: 'node:sqlite',
    options: { allowExtension: true, returnArrays: true, readBigInts: true },
    mode: 'native',
    ...waits,
  },
  {
    name: 'node:sqlite, rows as arrays, numbers as bigints, no extensions',
    kind: 'node:sqlite',
    options: { returnArrays: true, readBigInts: true },
    mode: 'inline',
  },
]

// better-sqlite3 13 and `node:sqlite` need a newer Node.js than this one may be, whose test runner then runs the suite.
for (const major of HAS_ALL_NODES ? [22, 24, 26] : []) {
  const runtime = runtimeOf(major)

  describe(`on Node.js ${major}`, () => {
    // The newest differs in `node:sqlite` only, whose class is called `Database` there.
    const databases = DATABASES.filter(({ kind }) => major < 26 || kind === 'node:sqlite')
    for (const { name, inMemory, ...database } of databases) {
      it(`the contract, ${name}: ${database.mode}`, async () => {
        const dir = inMemory ? undefined : await temporaryDirectory()
        const argument = { runs: 10, rounds: 500, largestState: 8 * 1024 * 1024, ...database, dir }
        const { stdout, stderr } = await runChild('contract.mjs', argument, runtime)
        const count = (what: string) => Number(new RegExp(`^[#\u2139] ${what} (\\d+)$`, 'm').exec(stdout)?.[1])
        expect(count('fail'), stdout + stderr).toBe(0)
        expect(count('pass')).toBeGreaterThanOrEqual(17)
        if (dir === undefined) return
        const start = Buffer.alloc(15)
        readSync(openSync(join(dir, '0.db'), 'r'), start)
        expect(start.toString() === 'SQLite format 3').toBe(!name.endsWith(', encrypted'))
      })
    }

    for (const allowExtension of [true, false]) {
      it(`node:sqlite is ${allowExtension ? 'native' : 'inline'}, as extensions are allowed or not`, async () => {
        const path = join(await temporaryDirectory(), 'states.db')
        const argument = { path, options: { allowExtension } }
        const { stdout, stderr } = await runChild('node-sqlite.mjs', argument, runtime)
        expect(stderr).toBe('')
        const report = JSON.parse(stdout)
        expect(report).toMatchObject({ mode: allowExtension ? 'native' : 'inline', undone: null, files: ['states.db'] })
        // Inline, an un-awaited save waits for the end of the tick.
        if (allowExtension) expect(report).toMatchObject({ seen: 99, late: 'done' })
        else expect(report).toMatchObject({ late: 'ERR_STORAGE_CLOSED' })
      })
    }

    it('look-alikes and closed databases are refused, and rows as arrays do not hide the file', async () => {
      const dir = await temporaryDirectory()
      const { stdout, stderr } = await runChild('look-alikes.mjs', { dir, modules }, runtime)
      expect(stderr).toBe('')
      const { constructed, guarded } = JSON.parse(stdout)
      const asBetterSqlite3 = expect.stringMatching(
        /^ERR_STORAGE_INVALID_OPTIONS .* must run statements as better-sqlite3/,
      )
      const isClosed = expect.stringMatching(/^ERR_STORAGE_INVALID_OPTIONS .* is closed\. It must be open\.$/)
      expect(constructed).toEqual({
        'sql.js': asBetterSqlite3,
        'node-sqlite3-wasm': asBetterSqlite3,
        closed: isClosed,
        'never opened': isClosed,
        'closed later': ['ERR_STORAGE_CLOSED', 'ERR_STORAGE_CLOSED', 'ERR_STORAGE_CLOSED'],
      })
      expect(guarded).toEqual(
        expect.stringMatching(/^ERR_STORAGE_INVALID_OPTIONS .* would destroy a file under two names/),
      )
    })

    it('a backup of node:sqlite ends while conversations are saved', async () => {
      const path = join(await temporaryDirectory(), 'states.db')
      const { stdout, stderr } = await runChild('node-sqlite-backup.mjs', { path }, runtime)
      expect(stderr).toBe('')
      const { failure, modes, after, steps, totalPages, step } = JSON.parse(stdout)
      expect({ failure, modes, after }).toEqual({ modes: ['inline'], after: 'native' })
      // Each page once. What was in flight when it began may have made it begin anew.
      expect(steps).toBeLessThan(2 * (totalPages / step))
    })

    // Otherwise Node.js unloads it with the worker, and our writer's code would vanish under it.
    it.runIf(process.platform === 'linux')(
      'better-sqlite3 stays in memory after the one worker that used it',
      async () => {
        const path = join(await temporaryDirectory(), 'states.db')
        const ending = await runChild('worker-image.mjs', { path }, runtime)
        expect(ending).toEqual({ code: 0, signal: null, stdout: 'native true\n', stderr: '' })
      },
    )
  })

  if (major === 26) continue
  describe(`durability, better-sqlite3 13 on Node.js ${major}`, () => {
    durabilityCases({
      name: `better-sqlite3 13 on Node.js ${major}`,
      persistent: true,
      kills: Math.min(20, KILLS),
      runtime,
      async makePlace() {
        return {
          adapter: 'better-sqlite3',
          options: { path: join(await temporaryDirectory(), 'states.db'), journal: 'WAL' },
        }
      },
    })
  })
}
