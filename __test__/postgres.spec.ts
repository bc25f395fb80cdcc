import { createRequire } from 'node:module'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { LockingPostgresStorage } from '../examples/postgres-locks.js'
import { PostgresStorage } from '../examples/postgres-storage.js'
import { CustomStorage, type CustomStorageOptions, type StorageAdapter } from '../index.js'
import { runStorageContract, type StorageContractOptions } from '../testing/index.js'
import { listedFailures } from './support/differences.js'
import { type PostgresServer, startPostgres } from './support/postgres-server.js'
import { PostgresStorage as Documented } from './types/documented.js'

// The same random inputs at each run, so that what is listed as failing fails each time. The suite has this very copy.
createRequire(import.meta.url)('fast-check').configureGlobal({ seed: 1 })

let server: PostgresServer
let pool: Pool

beforeAll(async () => {
  server = await startPostgres()
  pool = server.openPool()
})

afterAll(async () => {
  await pool?.end()
  await server?.stop()
})

/** The contract on storages that are each given a new table. */
function runContract(schema: string, open: (pool: Pool) => StorageAdapter, cases: StorageContractOptions['it']): void {
  const make = async () => {
    await pool.query('DROP TABLE IF EXISTS conversations')
    await pool.query(schema)
    return open(pool)
  }
  const plant = (_storage: unknown, id: string, text: string) =>
    pool.query('INSERT INTO conversations (id, state, updated_at) VALUES ($1, $2, NOW())', [id, text])
  // Fewer than for ours: each is a round trip to a server.
  runStorageContract(make, { name: 'on PostgreSQL', rounds: 2000, runs: 50, close: false, plant, describe, it: cases })
}

describe('PostgresStorage of the examples', () => {
  runContract(PostgresStorage.schema, (pool) => new PostgresStorage(pool), it)

  it('goes on with a conversation after an operation on it failed', async () => {
    await pool.query('DROP TABLE IF EXISTS conversations')
    const storage = new PostgresStorage(pool)
    const failing = storage.load('later')
    const next = failing.catch(() => pool.query(PostgresStorage.schema)).then(() => storage.load('later'))
    await expect(failing).rejects.toThrow(/does not exist/)
    expect(await next).toBe(null)
  })
})

describe('the storage of the examples that locks', () => {
  const make = async (options?: CustomStorageOptions) => {
    await pool.query('DROP TABLE IF EXISTS states, locks')
    await pool.query(LockingPostgresStorage.schema)
    return new LockingPostgresStorage(pool, options)
  }
  const plant = (_storage: unknown, id: string, text: string) =>
    pool.query('INSERT INTO states (id, state) VALUES ($1, $2)', [id, text])
  runStorageContract(make, {
    name: 'on PostgreSQL',
    codes: true,
    lock: true,
    list: true,
    retention: true,
    plant,
    rounds: 500,
    runs: 20,
    largestState: 8 * 1024 * 1024,
    describe,
    it,
  })

  it('leaves no lock behind', async () => {
    const storage = await make()
    await storage.withLock('u', () => {})
    await storage.load('u')
    expect((await pool.query('SELECT count(*)::int AS count FROM locks')).rows).toEqual([{ count: 0 }])
  })

  it('refuses a place without its functions', () => {
    for (const place of [null, undefined, {}, { read() {} }, { transact() {} }]) {
      expect(() => new CustomStorage(place as never)).toThrow(/must have a function/)
    }
  })
})

/** Each is what a comment in the example says of the documented SQL, with JSONB for the state as the page implies. */
const FAULTS = {
  'P1 ': /'changed'/,
  'P2 keeps': /reading 'currentStep'|strictly equal/,
  'P2 follows': /Property failed/,
  'P4 keeps whatever': /strictly equal/,
  'P4 keeps arbitrary states': /unsupported Unicode escape sequence|Property failed/,
  'P9 keeps hostile': /invalid byte sequence for encoding "UTF8": 0x00/,
  'P9 keeps arbitrary': /Property failed/,
  'P9 refuses': /expected a rejection, got null/,
  'P10 ': /invalid input syntax for type json/,
  'P8 ': /expected a rejection, got null/,
}

describe('PostgresStorage as documented', () => {
  const listed = listedFailures(FAULTS)
  const schema = 'CREATE TABLE conversations (id TEXT PRIMARY KEY, state JSONB, updated_at TIMESTAMPTZ)'
  runContract(schema, (pool) => new Documented(pool), listed.it)

  it('fails no case that is not there', () => expect(listed.missing()).toEqual([]))
})
