// As `fuzz-short.spec.ts`, on Redis: over connections of our own, beside an ioredis client, and through one of node-redis.
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { RedisStorage } from '../index.js'
import { SECONDS, SEED, TIMEOUT } from './support/fuzzing.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { converse, countShort } from './support/short-calls.js'
import { fuzz, type Subject } from './support/short-fuzz.js'

// One of its own, since connections are killed.
let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

/** The sizes of the table: none, about one conversation, the default. */
const SIZES = [0, 8_000, undefined]

/** Opens a storage on the place of this test. */
type Open = (options: {
  prefix: string
  snapshots: number | undefined
  ttl: number
  refreshOnLoad: boolean
}) => RedisStorage

const SUBJECTS: [string, () => Promise<Open>, { isFragile: boolean }?][] = [
  ['own connections', async () => (options) => new RedisStorage({ port: server.port, ...options })],
  [
    'beside ioredis',
    async () => {
      const client = new Redis(server.port, { retryStrategy: () => 1 })
      onTestFinished(() => client.disconnect())
      return (options) => new RedisStorage({ client, ...options })
    },
  ],
  [
    'through node-redis',
    async () => {
      const client = createClient({ url: `redis://127.0.0.1:${server.port}`, socket: { reconnectStrategy: 1 } })
      client.on('error', () => {})
      await client.connect()
      onTestFinished(() => client.destroy())
      return (options) => new RedisStorage({ client, ...options })
    },
    // It rejects what was in flight when a connection breaks.
    { isFragile: true },
  ],
]

describe('the short form', () => {
  it.each(SUBJECTS)(
    'changes nothing that is stored or loaded: %s',
    async (name, prepare, { isFragile } = { isFragile: false }) => {
      const make = await prepare()
      const prefix = `${randomUUID()}:`
      const other = new Redis(server.port)
      onTestFinished(() => other.disconnect())
      // Ends the connections while operations are in flight. They are made again.
      const kill = async () => {
        const end = other.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        return () => end
      }
      const options = { prefix, ttl: 3600, refreshOnLoad: true }
      const open = (): Subject => ({
        storages: SIZES.map((snapshots) => make({ ...options, snapshots })),
        locking: make({ ...options, snapshots: undefined }),
        read: (id) => other.get(prefix + id),
        write: (id, text) => other.set(prefix + id, text),
        ...(isFragile ? {} : { disturb: kill }),
        ttl: 3600,
        refreshOnLoad: true,
      })
      const steps = await fuzz(async () => ({ subject: open(), isEmpty: false }), SEED, SECONDS)
      expect(steps).toBeGreaterThan(10)
      if (process.env.FLOWKIT_FUZZ_SECONDS !== undefined) console.log(`${name}: ${steps} steps, seed ${SEED}`)
    },
    TIMEOUT,
  )
})

const TURNS = 10
it.each([
  ['own connections', { saves: TURNS - 1, loads: TURNS - 2, wholes: 0 }],
  ['beside ioredis', { saves: TURNS - 1, loads: TURNS - 2, wholes: 0 }],
  ['through node-redis', { saves: 0, loads: 0, wholes: 0 }],
])('travels short where it goes natively: %s', async (name, expected) => {
  const make = await SUBJECTS.find(([known]) => known === name)?.[1]()
  const storage = make?.({
    prefix: `${randomUUID()}:`,
    snapshots: undefined,
    ttl: 60,
    refreshOnLoad: false,
  }) as RedisStorage
  // So that the connection beside the client is there.
  for (let time = 0; time < 100 && name === 'beside ioredis' && storage.mode !== 'native'; time++) {
    await storage.load('nobody')
    await setTimeout(10)
  }
  expect(await countShort(() => converse(storage, TURNS))).toEqual(expected)
  expect((await storage.load('a'))?.history).toHaveLength(2 * TURNS)
  await storage.close()
})
