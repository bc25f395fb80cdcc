import { randomUUID } from 'node:crypto'
import { GlideClusterClient } from '@valkey/valkey-glide'
import { Cluster as Cluster5 } from 'ioredis'
import { Cluster as Cluster6 } from 'ioredis6'
import { createCluster, createSentinel } from 'redis'
import { createCluster as createCluster4 } from 'redis4'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { RedisStorage, type RedisStorageOptions } from '../index.js'
import samples from '../testing/samples.js'
import { ask, type RedisCluster, startCluster } from './support/redis-cluster.js'
import { startSentinels } from './support/redis-sentinel.js'
import { eventually } from './support/waiting.js'

const { sample } = samples

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

type Client = NonNullable<RedisStorageOptions['client']>

const nodes = () => cluster.ports.map((port) => ({ host: '127.0.0.1', port }))

async function nodeRedis(create: typeof createCluster) {
  const client = create({ rootNodes: cluster.ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(async () => void (await (client.destroy?.() ?? client.disconnect())))
  return client
}

function ioredis(Cluster: typeof Cluster5 | typeof Cluster6) {
  const client = new Cluster(nodes(), { keyPrefix: 'k[*]:' })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

const CLIENTS: [name: string, open: () => Promise<Client>][] = [
  ['ioredis 5', async () => ioredis(Cluster5)],
  ['ioredis 6', async () => ioredis(Cluster6)],
  ['node-redis 6', () => nodeRedis(createCluster)],
  ['node-redis 4', () => nodeRedis(createCluster4 as unknown as typeof createCluster)],
  [
    'Valkey GLIDE',
    async () => {
      const client = await GlideClusterClient.createClient({ addresses: nodes(), requestTimeout: 10_000 })
      onTestFinished(() => client.close())
      return client
    },
  ],
]

const COUNT = 600
const IDS = Array.from({ length: COUNT }, (_, number) => `c-${number}`)

/** Lists in pages of 40, each by another storage. `between` is called behind the fifth. */
async function listed(storages: RedisStorage[], between?: () => Promise<unknown>): Promise<string[]> {
  const found = new Set<string>()
  let cursor: string | null | undefined
  for (let page = 1; cursor !== null; page++) {
    const list = (storages[page % storages.length] as RedisStorage).list({ limit: 40, ...(cursor && { cursor }) })
    for await (const { id } of list) found.add(id)
    cursor = list.cursor
    if (page === 5) await between?.()
    if (page > 200) throw new Error('it goes round in circles')
  }
  return [...found].sort()
}

it('the keyPrefix of a cluster of node-redis 6 is that of locks and removals, too', async () => {
  const rootNodes = cluster.ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }))
  const client = createCluster({ rootNodes, keyPrefix: 'k{x}[*]:' })
  await client.connect()
  onTestFinished(() => client.destroy())
  const prefix = `${randomUUID()}:`
  const storage = new RedisStorage({ client, prefix })
  await storage.save(sample('a'))
  await storage.update('a', (state) => state && sample('a', { slots: { n: 1 } }))
  expect(await storage.load('a')).toMatchObject({ slots: { n: 1 } })
  expect(await listed([storage])).toEqual(['a'])
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect(await storage.purge({ olderThan: 0.02 })).toEqual({ removed: 1, kept: 0, unknown: 0 })
  const keys = await Promise.all(cluster.ports.map((port) => ask(port, (redis) => redis.keys(`*${prefix}*`))))
  expect(keys.flat()).toEqual([])
})

it('the Sentinel client of node-redis 6 looks through the keys of the master', async () => {
  const group = await startSentinels()
  onTestFinished(() => group.stop())
  const client = await createSentinel({ name: group.name, sentinelRootNodes: group.sentinels }).connect()
  onTestFinished(() => client.destroy())
  const storage = new RedisStorage({ client })
  await storage.save(sample('a'))
  expect(await storage.touch('a')).toBe(true)
  expect(await listed([storage])).toEqual(['a'])
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect(await storage.purge({ olderThan: 0.02 })).toEqual({ removed: 1, kept: 0, unknown: 0 })
})

for (const [name, open] of CLIENTS) {
  describe(name, () => {
    it('looks through every master, and the cursor goes on in another storage', async () => {
      const prefix = `${randomUUID()}:`
      const client = await open()
      const storages = [new RedisStorage({ client, prefix }), new RedisStorage({ client: await open(), prefix })]
      const [storage] = storages as [RedisStorage]
      await Promise.all(IDS.map((id) => storage.save(sample(id))))
      const held = await Promise.all(
        cluster.ports.map((port) => ask(port, (redis) => redis.keys(`*${prefix}*`)).then((keys) => keys.length)),
      )
      expect(held.every((count) => count > 0)).toBe(true)
      expect(await listed(storages)).toEqual([...IDS].sort())
      expect(await storage.count()).toBe(COUNT)
      expect(
        await storage.withLock('c-7', () => storage.purge({ olderThan: 0, prefix: 'c-7', dryRun: true })),
      ).toMatchObject({ kept: 1, unknown: 0 })
      await storage.save(sample('kept'))
      expect(await storage.clear({ prefix: 'c-' })).toBe(COUNT)
      expect(await storage.count()).toBe(1)
    })

    it('begins anew when slots move in between', async () => {
      const prefix = `${randomUUID()}:`
      const storage = new RedisStorage({ client: await open(), prefix, timeout: 60_000 })
      await Promise.all(IDS.map((id) => storage.save(sample(id))))
      const [first, last] = [Math.min(...cluster.ports), Math.max(...cluster.ports)]
      // From the node that is looked through last to the one that was the first.
      const moved = await ask(last, async (redis) => {
        const keys = await redis.keys(`*${prefix}*`)
        return Promise.all(keys.slice(0, 5).map((key) => redis.cluster('KEYSLOT', key)))
      })
      expect(moved.length).toBe(5)
      const found = await listed([storage], async () => {
        for (const slot of new Set(moved)) await cluster.moveSlot(Number(slot), first, 0)
        await cluster.settled()
        await eventually('every node knows it', async () => {
          const seen = await Promise.all(cluster.ports.map((port) => ask(port, (redis) => redis.cluster('SLOTS'))))
          return new Set(seen.map((slots) => JSON.stringify((slots as unknown[]).map(String).sort()))).size === 1
        })
      })
      expect(found).toEqual([...IDS].sort())
      for (const slot of new Set(moved)) await cluster.moveSlot(Number(slot), last, 0)
      await cluster.settled()
    })
  })
}
