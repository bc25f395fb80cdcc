// Compiled with `--strict`, never run: `RedisClient` and `SQLiteDatabase` are shapes that the real packages have.

import type { ConnectionOptions } from 'node:tls'
import {
  type RedisClient,
  RedisStorage,
  type RedisStorageOptions,
  type SQLiteDatabase,
  SQLiteStorage,
  type SQLiteStorageOptions,
} from '@andresaya/flowkit-storage'
import { Redis as Upstash } from '@upstash/redis'
import type { GlideClient, GlideClusterClient } from '@valkey/valkey-glide'
import Database from 'better-sqlite3'
import Redis, { Cluster } from 'ioredis'
import RedisMock from 'ioredis-mock'
import Redis5, { Cluster as Cluster5 } from 'ioredis6'
import { Redis as Valkey, Cluster as ValkeyCluster } from 'iovalkey'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { createClient as createClient5, createCluster as createCluster5 } from 'redis-5'

class Traced extends Redis {}

/** The least that will do, written the way users write it. */
const fake = {
  values: new Map<string, string>(),
  get: async (key: string): Promise<string | null> => fake.values.get(key) ?? null,
  set: async (key: string, value: string, _mode: 'EX', _seconds: number): Promise<'OK'> => {
    fake.values.set(key, value)
    return 'OK'
  },
  del: async (key: string): Promise<number> => Number(fake.values.delete(key)),
}

class Fake implements RedisClient {
  get(_key: string): Promise<string | null> {
    return Promise.resolve(null)
  }
  set(_key: string, _value: string): Promise<void> {
    return Promise.resolve()
  }
  del(_key: string): Promise<boolean> {
    return Promise.resolve(true)
  }
}

export const clients: RedisClient[] = [
  new Redis(),
  new Redis({ lazyConnect: true }).duplicate(),
  new Traced(),
  new Cluster([]),
  new Redis5(),
  new Cluster5([]),
  new RedisMock(),
  createClient(),
  createClient({ RESP: 3 }),
  createCluster({ rootNodes: [] }),
  createClientPool(),
  createSentinel({ name: 'mymaster', sentinelRootNodes: [] }),
  new Valkey(),
  new ValkeyCluster([]),
  new Upstash({ url: 'https://h', token: 't' }),
  createClient5(),
  createCluster5({ rootNodes: [] }),
  fake,
  new Fake(),
]
export const storages = [
  new RedisStorage({ client: new Redis(), prefix: 'p:', ttl: 60, timeout: 5000 }),
  new RedisStorage({ client: new Cluster5([]) }),
  new RedisStorage({ client: createClient() }),
  new RedisStorage({ client: createClient5(), ttl: 0 }),
  new RedisStorage({ client: fake }),
  new RedisStorage({ client: {} as GlideClient }),
  new RedisStorage({ client: {} as GlideClusterClient }),
]

const encryption: ConnectionOptions = {}
const environment: { host: string | undefined; port: string | undefined } = { host: undefined, port: '6379' }
export const addresses: RedisStorageOptions[] = [
  {},
  { ttl: 3600 },
  { ...environment, ttl: 3600 },
  { client: undefined, host: 'h', ttl: undefined },
  { url: process.env.REDIS_URL, db: '1', username: 'u', password: process.env.REDIS_PASSWORD },
  { path: '/run/redis.sock', prefix: '' },
  { url: 'rediss://h', tls: true },
  { host: 'h', tls: { ca: ['PEM', Buffer.from('PEM')], servername: environment.host, rejectUnauthorized: false } },
  { tls: { ca: encryption.ca, cert: encryption.cert, servername: encryption.servername } },
]

/** `DatabaseSync` as the types of Node.js 22 and newer declare it; those of Node.js 20 have no `node:sqlite`. */
declare class StatementSync {
  all(...anonymousParameters: Array<null | number | bigint | string | Uint8Array>): Record<string, unknown>[]
  get(...anonymousParameters: Array<null | number | bigint | string | Uint8Array>): Record<string, unknown> | undefined
  run(...anonymousParameters: Array<null | number | bigint | string | Uint8Array>): {
    changes: number | bigint
    lastInsertRowid: number | bigint
  }
}
declare class DatabaseSync {
  constructor(path: string | Buffer | URL, options?: { readOnly?: boolean })
  exec(sql: string): void
  prepare(sql: string, options?: { readBigInts?: boolean }): StatementSync
}

export const databases: SQLiteDatabase[] = [new Database(':memory:'), new DatabaseSync(':memory:')]
export const tables: SQLiteStorageOptions[] = [
  { db: new Database('x.db'), table: 't' },
  { path: 'x.db', table: undefined },
]

// @ts-expect-error a client has its own address
new RedisStorage({ client: fake, host: 'h' })
// @ts-expect-error a client has its own database
new RedisStorage({ client: fake, db: 1 })
// @ts-expect-error a client has its own encryption
new RedisStorage({ client: fake, tls: true })
// @ts-expect-error what is not supported
new RedisStorage({ tls: { ciphers: 'HIGH' } })
// @ts-expect-error one address only
new RedisStorage({ url: 'redis://h', host: 'h' })
// @ts-expect-error one address only
new RedisStorage({ path: '/s', port: 1 })
// @ts-expect-error the time-out is for a client
new RedisStorage({ host: 'h', timeout: 5 })
// @ts-expect-error a URL is no client
new RedisStorage({ client: 'redis://h' })
// @ts-expect-error a Map is no client
new RedisStorage({ client: new Map<string, string>() })
// @ts-expect-error node-redis 3 calls back
new RedisStorage({ client: { get: () => true, set: () => true, del: () => true } })
// @ts-expect-error an option that does not exist
new RedisStorage({ client: fake, tttl: 5 })
// @ts-expect-error either db or path
new SQLiteStorage({ db: new Database('x.db'), path: 'x.db' })
// @ts-expect-error either db or path
new SQLiteStorage({ table: 't' })
// @ts-expect-error a file name is no database
new SQLiteStorage({ db: 'x.db' })
