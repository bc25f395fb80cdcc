import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { runSql, temporaryDirectory } from './support/subjects.js'

const { sample } = samples

const columns = 'state TEXT NOT NULL, updated_at INTEGER NOT NULL'
const plain = `CREATE TABLE conversations (id TEXT PRIMARY KEY, ${columns})`
const trigger = (action: string) =>
  `CREATE TRIGGER t BEFORE INSERT ON conversations WHEN new.id = 'bad' BEGIN SELECT RAISE(${action}, 'not this one'); END`

/** Makes the database refuse a part: everything that concerns the conversation `bad`, and nothing else. */
const REFUSALS: [string, string[], string][] = [
  ['a trigger that aborts', [plain, trigger('ABORT')], 'SQLITE_CONSTRAINT_TRIGGER'],
  ['a trigger that rolls back', [plain, trigger('ROLLBACK')], 'SQLITE_CONSTRAINT_TRIGGER'],
  [
    'a check',
    [`CREATE TABLE conversations (id TEXT PRIMARY KEY CHECK (id <> 'bad'), ${columns})`],
    'SQLITE_CONSTRAINT_CHECK',
  ],
  [
    'a foreign key that is only checked at the commit',
    [
      'CREATE TABLE users (id TEXT PRIMARY KEY)',
      "INSERT INTO users VALUES ('good'), ('last')",
      `CREATE TABLE conversations (id TEXT PRIMARY KEY REFERENCES users DEFERRABLE INITIALLY DEFERRED, ${columns})`,
    ],
    'SQLITE_CONSTRAINT_FOREIGNKEY',
  ],
]

const PATHS: Record<string, (path: string) => SQLiteStorage> = {
  path: (path) => new SQLiteStorage({ path }),
  native: (path) => onDatabase(path, {}),
  inline: (path) => onDatabase(path, { mode: 'inline' }),
}

function onDatabase(path: string, options: object): SQLiteStorage {
  const db = new Database(path)
  onTestFinished(() => void db.close())
  return new SQLiteStorage({ db, ...options })
}

for (const [kind, open] of Object.entries(PATHS)) {
  describe(`what the database refuses, ${kind}`, () => {
    for (const [name, statements, code] of REFUSALS) {
      it(`${name}: denied, and not to be tried again; the others are stored`, async () => {
        const path = join(await temporaryDirectory(), 'states.db')
        for (const sql of statements) await runSql(path, sql)
        const storage = open(path)
        const outcomes = await Promise.allSettled(['good', 'bad', 'last'].map((id) => storage.save(sample(id))))
        expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
        expect(outcomes[1]).toMatchObject({
          reason: { code: 'ERR_STORAGE_DENIED', adapter: 'sqlite', retryable: false, cause: { code } },
        })
        expect(storage.mode).toBe(kind === 'inline' ? 'inline' : 'native')
        expect(await storage.load('last')).toEqual(sample('last'))
        expect(await storage.load('bad')).toBeNull()
        await storage.close()
      })
    }
  })
}
