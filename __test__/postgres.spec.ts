import { createRequire } from 'node:module'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { PostgresStorage } from '../examples/postgres-storage.js'
import { runStorageContract } from '../testing/index.js'
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

/** Fewer than for ours: each is a round trip to a server. */
const QUICKER = { rounds: 2000, runs: 50 }

describe('PostgresStorage of the examples', () => {
  runStorageContract(
    async () => {
      await pool.query('DROP TABLE IF EXISTS conversations')
      await pool.query(PostgresStorage.schema)
      return new PostgresStorage(pool)
    },
    {
      ...QUICKER,
      name: 'on PostgreSQL',
      close: false,
      plant: (_storage, id, text) =>
        pool.query('INSERT INTO conversations (id, state, updated_at) VALUES ($1, $2, NOW())', [id, text]),
      describe,
      it,
    },
  )

  it('goes on with a conversation after an operation on it failed', async () => {
    await pool.query('DROP TABLE IF EXISTS conversations')
    const storage = new PostgresStorage(pool)
    const failing = storage.load('later')
    const next = failing.catch(() => pool.query(PostgresStorage.schema)).then(() => storage.load('later'))
    await expect(failing).rejects.toThrow(/does not exist/)
    expect(await next).toBe(null)
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
  runStorageContract(
    async () => {
      await pool.query('DROP TABLE IF EXISTS conversations')
      await pool.query('CREATE TABLE conversations (id TEXT PRIMARY KEY, state JSONB, updated_at TIMESTAMPTZ)')
      return new Documented(pool)
    },
    {
      ...QUICKER,
      name: 'on PostgreSQL',
      close: false,
      plant: (_storage, id, text) =>
        pool.query('INSERT INTO conversations (id, state, updated_at) VALUES ($1, $2, NOW())', [id, text]),
      describe,
      it: listed.it,
    },
  )

  it('fails no case that is not there', () => expect(listed.missing()).toEqual([]))
})
