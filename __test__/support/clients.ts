import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { Cluster as Cluster5, Redis as Ioredis5 } from 'ioredis'
import { Cluster as Cluster6, Redis as Ioredis6 } from 'ioredis6'
import { createClient } from 'redis'
import { createClient as createClient4 } from 'redis4'
import { inject } from 'vitest'

import type { RedisClient } from '../../index.js'
import { startCluster } from './redis-cluster.js'

const IoredisMock = createRequire(import.meta.url)('ioredis-mock')

/** One kind of client that users hand to `RedisStorage`. */
export interface ClientKind {
  name: string
  connect(): Promise<Connected>
}

export interface Connected {
  client: RedisClient
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

async function nodeRedis(create: typeof createClient): Promise<Connected> {
  const client = create({ url: `redis://127.0.0.1:${inject('redisPort')}` })
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
  const connected = await ioredis(new Cluster(cluster.ports.map((port) => ({ host: '127.0.0.1', port }))))
  const end = async () => {
    await connected.end()
    await cluster.stop()
  }
  return { ...connected, end }
}

export const CLIENTS: ClientKind[] = [
  { name: 'ioredis 5', connect: () => ioredis(new Ioredis5(inject('redisPort'), { keyPrefix: `${randomUUID()}:` })) },
  { name: 'ioredis 6', connect: () => ioredis(new Ioredis6(inject('redisPort'), { keyPrefix: `${randomUUID()}:` })) },
  { name: 'ioredis 5 Cluster, three masters', connect: () => ioredisCluster(Cluster5) },
  { name: 'ioredis 6 Cluster, three masters', connect: () => ioredisCluster(Cluster6) },
  { name: 'ioredis-mock', connect: () => ioredis(new IoredisMock({ keyPrefix: `${randomUUID()}:` })) },
  { name: 'node-redis 6', connect: () => nodeRedis(createClient) },
  { name: 'node-redis 4', connect: () => nodeRedis(createClient4 as unknown as typeof createClient) },
  {
    name: 'a fake of get, set and del',
    async connect() {
      const client = new FakeClient()
      return { client, set: async (key, value) => client.map.set(key, value), end: async () => {} }
    },
  },
]
