// What is stored is what `JSON.stringify` makes, and what is loaded is what `JSON.parse` makes, whatever is left out in between.
// `npm run fuzz -- --javascript --seconds 3600` for longer; `FLOWKIT_FUZZ_SEED` repeats a run.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { FileStorage, MemoryStorage, SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { SECONDS, SEED, TIMEOUT } from './support/fuzzing.js'
import { fuzz, type Subject } from './support/short-fuzz.js'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flowkit-short-'))
})
afterAll(() => rm(dir, { recursive: true }))

const { sample } = samples

/** The sizes of the table: none, about one conversation, the default. */
const SIZES = [0, 8_000, undefined]

const realNow = Date.now
let passed = 0
afterEach(() => {
  Date.now = realNow
})

function memory(options?: object): Subject {
  Date.now = () => realNow() + passed
  const pass = (seconds: number) => {
    passed += seconds * 1000
  }
  return { storages: [new MemoryStorage(options)], pass }
}

function lockedMemory(): Subject {
  const storage = new MemoryStorage()
  return { storages: [storage], locking: storage }
}

function files(): Subject {
  const place = { dir: join(dir, 'files'), durable: false }
  return {
    storages: SIZES.map((snapshots) => new FileStorage({ ...place, snapshots })),
    locking: new FileStorage(place),
    write: (id, text) => writeFile(join(dir, 'files', `${id}.json`), text),
  }
}

function sqlite(): Subject {
  const place = { path: join(dir, 'own.db') }
  return {
    storages: SIZES.slice(1).map((snapshots) => new SQLiteStorage({ ...place, snapshots })),
    locking: new SQLiteStorage(place),
  }
}

/** @param inTransaction whether trouble is a transaction of the user's, or something that only the user's connection can do */
function beside(name: string, inTransaction: boolean): () => Subject {
  const db = new Database(join(dir, `${name}.db`))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  db.function('noted', () => 1)
  const read = () => db.prepare('SELECT state FROM conversations WHERE id = ?').pluck()
  return () => {
    db.exec('DROP TRIGGER IF EXISTS noting')
    return {
      storages: SIZES.map((snapshots) => new SQLiteStorage({ db, snapshots })),
      locking: new SQLiteStorage({ db }),
      read: async (id) => read().get(id) as string | undefined,
      write: async (id, text) => db.prepare('UPDATE conversations SET state = ? WHERE id = ?').run(text, id),
      async disturb() {
        if (inTransaction) {
          db.exec('BEGIN')
          return async () => db.exec('COMMIT')
        }
        db.exec('CREATE TRIGGER IF NOT EXISTS noting AFTER UPDATE ON conversations BEGIN SELECT noted(); END')
        return async () => {}
      },
    }
  }
}

const SUBJECTS: [string, () => () => Subject][] = [
  ['memory', () => () => memory()],
  ['memory with a small table', () => () => memory({ snapshots: 8_000 })],
  ['memory without a table', () => () => memory({ snapshots: 0 })],
  ['memory whose conversations expire', () => () => ({ ...memory({ ttl: 75 }), ttl: 75 })],
  ['memory, locked after a while', () => lockedMemory],
  ['storages and another program on files', () => files],
  ['storages on one database', () => sqlite],
  ['storages beside a database, and its transactions', () => beside('transactions', true)],
  ['storages beside a database that they have to go back to', () => beside('functions', false)],
]

describe('the short form', () => {
  it.each(SUBJECTS)(
    'changes nothing that is stored or loaded: %s',
    async (name, prepare) => {
      const open = prepare()
      const steps = await fuzz(async () => ({ subject: open(), isEmpty: name.startsWith('memory') }), SEED, SECONDS)
      expect(steps).toBeGreaterThan(10)
      if (process.env.FLOWKIT_FUZZ_SECONDS !== undefined) console.log(`${name}: ${steps} steps, seed ${SEED}`)
    },
    TIMEOUT,
  )
})

it('keeps no request in memory that an id or an entry was a part of', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const storage = new MemoryStorage({ maxConversations: 100 })
  collect()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < 200; n++) {
    // As the text of a request is. The parts are no copies in V8.
    const request = `conversation-of-somebody ${'x'.repeat(1_000_000)}${n}`
    Buffer.from(request)
    for (const id of [`of one of ${n % 4}`, request.slice(0, 24), request.slice(20, 50 + n)]) {
      const fresh = Array.from({ length: 15 }, () => ({ role: 'user' as const, content: 'y'.repeat(80) }))
      const state = (await storage.load(id)) ?? sample(id, { history: fresh })
      state.history.push({ role: 'user', content: request.slice(n, n + 100) })
      await storage.save(state)
    }
  }
  collect()
  // With one of the requests in ten it would be 20 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(15_000_000)
  expect(await storage.count()).toBe(100)
})
