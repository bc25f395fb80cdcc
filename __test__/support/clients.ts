import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { Redis as Upstash } from '@upstash/redis'
import { Decoder, GlideClient, GlideClusterClient } from '@valkey/valkey-glide'
import { Cluster as Cluster5, Redis as Ioredis5 } from 'ioredis'
import { Cluster as Cluster6, Redis as Ioredis6 } from 'ioredis6'
import { Redis as Iovalkey } from 'iovalkey'
import { createClient, createClientPool, createCluster, RESP_TYPES } from 'redis'
import { createClient as createClient4, createCluster as createCluster4 } from 'redis4'
import { inject } from 'vitest'

import type { RedisStorageOptions } from '../../index.js'
import { PATIENT_CLUSTER, startCluster } from './redis-cluster.js'
import { startUpstash } from './upstash.js'

const IoredisMock = createRequire(import.meta.url)('ioredis-mock')

/** One kind of client that users hand to `RedisStorage`. */
export interface ClientKind {
  name: string
  /** False if it runs no scripts, so that there are no locks and no removals by age. */
  locks?: boolean
  /** False if it renews no expiry. */
  expires?: boolean
  /** Options of the contract, where it would take too long or ask for too much. */
  contract?: object
  connect(): Promise<Connected>
}

export interface Connected {
  client: NonNullable<RedisStorageOptions['client']>
  /** Stores a value past the adapter. */
  set(key: string, value: string): Promise<unknown>
  end(): Promise<unknown>
}

/** Sends each command after a random pause, so that un-awaited ones would overtake each other. */
export class FakeClient {
  readonly map = new Map<string, string>()
  readonly ttls = new Map<string, number | undefined>()

  async get(key: string): Promise<string | null> {
    await this.#pause()
    return this.map.get(key) ?? null
  }

  async set(key: string, value: string, _mode?: string, ttl?: number): Promise<'OK'> {
    await this.#pause()
    this.map.set(key, value)
    this.ttls.set(key, ttl)
    return 'OK'
  }

  async del(key: string): Promise<number> {
    await this.#pause()
    return this.map.delete(key) ? 1 : 0
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => (Math.random() < 0.5 ? setImmediate(resolve) : setTimeout(resolve, 1)))
  }
}

/** A busy machine takes longer to connect, and to reply, than these clients wait by default. */
const PATIENT = { connectTimeout: 60_000 }
const GLIDE = { requestTimeout: 60_000, advancedConfiguration: { connectionTimeout: 60_000 } }

async function nodeRedis(create: typeof createClient): Promise<Connected> {
  const client = create({ url: `redis://127.0.0.1:${inject('redisPort')}`, socket: PATIENT })
  await client.connect()
  return {
    client,
    set: (key, value) => client.set(key, value),
    end: async () => client.destroy?.() ?? client.disconnect?.(),
  }
}

async function ioredis(client: Ioredis5 | Ioredis6 | Cluster5 | Cluster6): Promise<Connected> {
  return { client, set: (key, value) => client.set(key, value), end: () => client.quit() }
}

async function ioredisCluster(Cluster: typeof Cluster5 | typeof Cluster6): Promise<Connected> {
  const cluster = await startCluster()
  const nodes = cluster.ports.map((port) => ({ host: '127.0.0.1', port }))
  const connected = await ioredis(new Cluster(nodes, PATIENT_CLUSTER).on('error', () => {}))
  const end = async () => {
    await connected.end()
    await cluster.stop()
  }
  return { ...connected, end }
}

async function nodeRedisCluster(create: typeof createCluster): Promise<Connected> {
  const cluster = await startCluster()
  const rootNodes = cluster.ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }))
  const client = create({ rootNodes, defaults: { socket: PATIENT } })
  await client.connect()
  const end = async () => {
    await (client.destroy?.() ?? client.disconnect?.())
    await cluster.stop()
  }
  return { client, set: (key, value) => client.set(key, value), end }
}

/** Of `createClientPool`: the commands of one conversation may travel on several connections. */
async function nodeRedisPool(): Promise<Connected> {
  const pool = createClientPool({ url: `redis://127.0.0.1:${inject('redisPort')}`, socket: PATIENT })
  await pool.connect()
  return { client: pool, set: (key, value) => pool.set(key, value), end: async () => pool.destroy() }
}

/** Replies in bytes, and with numbers as text. Loads come from the cache of the client. */
async function nodeRedisMapped(): Promise<Connected> {
  const url = `redis://127.0.0.1:${inject('redisPort')}`
  const client = createClient({ url, socket: PATIENT, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0 } })
  await client.connect()
  const mapping = { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.SIMPLE_STRING]: Buffer, [RESP_TYPES.NUMBER]: String }
  return {
    client: client.withTypeMapping(mapping),
    set: (key, value) => client.set(key, value),
    end: async () => client.destroy(),
  }
}

async function glide(defaultDecoder: Decoder): Promise<Connected> {
  const addresses = [{ host: '127.0.0.1', port: inject('redisPort') }]
  const client = await GlideClient.createClient({ addresses, defaultDecoder, ...GLIDE })
  return { client, set: (key, value) => client.set(key, value), end: async () => client.close() }
}

async function glideCluster(): Promise<Connected> {
  const cluster = await startCluster()
  const addresses = cluster.ports.map((port) => ({ host: '127.0.0.1', port }))
  const client = await GlideClusterClient.createClient({ addresses, ...GLIDE })
  const end = async () => {
    client.close()
    await cluster.stop()
  }
  return { client, set: (key, value) => client.set(key, value), end }
}

async function upstash(automaticDeserialization?: boolean): Promise<Connected> {
  const server = await startUpstash(inject('redisPort'))
  const client = new Upstash({ url: server.url, token: 'secret', automaticDeserialization })
  return { client, set: (key, value) => client.set(key, value), end: () => server.stop() }
}

/** For clients that are slow by themselves, or of which another major or kind has the whole contract: our code is the same. */
const SMALL = { rounds: 500, runs: 20, largestState: 1024 * 1024 }

export const CLIENTS: ClientKind[] = [
  {
    name: 'ioredis 5',
    connect: () => ioredis(new Ioredis5(inject('redisPort'), { keyPrefix: `${randomUUID()}:` })),
    contract: SMALL,
  },
  { name: 'ioredis 6', connect: () => ioredis(new Ioredis6(inject('redisPort'), { keyPrefix: `${randomUUID()}:` })) },
  { name: 'ioredis 5 Cluster, three masters', connect: () => ioredisCluster(Cluster5), contract: SMALL },
  { name: 'ioredis 6 Cluster, three masters', connect: () => ioredisCluster(Cluster6) },
  {
    name: 'ioredis-mock',
    connect: () => ioredis(new IoredisMock({ keyPrefix: `${randomUUID()}:` })),
    contract: SMALL,
  },
  { name: 'node-redis 6', connect: () => nodeRedis(createClient) },
  {
    name: 'node-redis 4',
    connect: () => nodeRedis(createClient4 as unknown as typeof createClient),
    contract: SMALL,
  },
  { name: 'node-redis 6 Cluster, three masters', connect: () => nodeRedisCluster(createCluster), contract: SMALL },
  {
    name: 'node-redis 4 Cluster, three masters',
    connect: () => nodeRedisCluster(createCluster4 as unknown as typeof createCluster),
    contract: SMALL,
  },
  { name: 'node-redis 6, a pool', connect: nodeRedisPool, contract: SMALL },
  { name: 'node-redis 6, RESP 3, mapped types and a cache', connect: nodeRedisMapped, contract: SMALL },
  {
    name: 'iovalkey',
    connect: () => ioredis(new Iovalkey(inject('redisPort')) as unknown as Ioredis5),
    contract: SMALL,
  },
  { name: 'Valkey GLIDE', connect: () => glide(Decoder.String) },
  { name: 'Valkey GLIDE, three masters', connect: glideCluster, contract: SMALL },
  { name: 'Valkey GLIDE, bytes', connect: () => glide(Decoder.Bytes), contract: SMALL },
  // It parses JSON, so a stored `null` is not told from no conversation.
  {
    name: '@upstash/redis',
    connect: () => upstash(),
    contract: { ...SMALL, plant: undefined },
    locks: false,
  },
  { name: '@upstash/redis without deserialization', connect: () => upstash(false), contract: SMALL, locks: false },
  {
    name: 'a fake of get, set and del',
    locks: false,
    expires: false,
    async connect() {
      const client = new FakeClient()
      return { client, set: async (key, value) => client.map.set(key, value), end: async () => {} }
    },
  },
]
