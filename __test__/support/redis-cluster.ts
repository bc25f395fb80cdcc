import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'

import { freePort } from './ports.js'
import { type RedisServer, startRedis } from './redis-server.js'
import { eventually } from './waiting.js'

const MASTERS = 3

/** Options of ioredis: a busy machine exceeds what its clients of clusters wait by default, 1 s for the slots. */
export const PATIENT_CLUSTER = { slotsRefreshTimeout: 60_000, redisOptions: { connectTimeout: 60_000 } }

/** A real cluster: three masters, each with a third of the slots, and perhaps a replica of each. */
export interface RedisCluster {
  servers: RedisServer[]
  ports: number[]
  /** Who holds this slot now, and the replica that would take over from it. */
  holderOf(slot: number): Promise<Holder>
  /** Moves one slot with its keys as `redis-cli --cluster reshard` does; `pause` ms with every key moved and not yet told. */
  moveSlot(slot: number, to: number, pause: number): Promise<void>
  /** Returns how often the servers have replied with an error of this kind, such as `ASK`. */
  answered(error: string): Promise<number>
  /** How long a server may be silent until the others take it for dead. */
  setNodeTimeout(milliseconds: number): Promise<void>
  /** Waits until every server sees all slots served and every replica has its master's data. */
  settled(): Promise<void>
  stop(): Promise<void>
}

interface Holder {
  master: RedisServer
  replica: RedisServer | undefined
}

/** One line of `CLUSTER NODES`. */
interface Node {
  id: string
  port: number
  flags: string[]
  master: string
  slots: [number, number][]
}

export async function startCluster({ replicas = false } = {}): Promise<RedisCluster> {
  const count = replicas ? 2 * MASTERS : MASTERS
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const fast = ['--cluster-node-timeout', '5000', '--repl-diskless-sync-delay', '0']
      // The bus would listen at port + 10000, which somebody else may have.
      const bus = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())]
      return startRedis(...bus, ...fast, '--cluster-replica-validity-factor', '0')
    }),
  )
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
  const wanted = replicas ? ['--cluster-replicas', '1'] : []
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, ...wanted, '--cluster-yes'])

  const alive = () => servers.filter(({ process }) => process.exitCode === null && process.signalCode === null)
  const byPort = (port: number) => servers.find((server) => server.port === port)
  const nodes = async () =>
    parseNodes(await ask(alive()[0]?.port, (redis) => redis.cluster('NODES') as Promise<string>))
  const cluster: RedisCluster = {
    servers,
    ports: servers.map(({ port }) => port),
    async holderOf(slot) {
      const all = await nodes()
      const holder = all.find((node) => node.flags.includes('master') && holds(node, slot))
      const master = byPort(holder?.port ?? 0)
      if (holder === undefined || master === undefined) throw new Error(`nobody holds the slot ${slot}`)
      const replica = all.find((node) => node.master === holder.id && !node.flags.includes('fail'))
      return { master, replica: byPort(replica?.port ?? 0) }
    },
    async moveSlot(slot, to, pause) {
      const all = await nodes()
      const source = all.find((node) => holds(node, slot))
      const target = all.find((node) => node.port === to)
      if (source === undefined || target === undefined) throw new Error(`the slot ${slot} cannot be moved to ${to}`)
      if (source === target) return
      await ask(to, (redis) => redis.cluster('SETSLOT', slot, 'IMPORTING', source.id))
      await ask(source.port, async (redis) => {
        await redis.cluster('SETSLOT', slot, 'MIGRATING', target.id)
        for (;;) {
          // The keys of locks are no text.
          const keys = (await redis.callBuffer('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as Buffer[]
          if (keys.length === 0) break
          await redis.migrate('127.0.0.1', to, '', 0, 60_000, 'KEYS', ...keys)
        }
        await new Promise((resolve) => setTimeout(resolve, pause))
      })
      const masters = all.filter((node) => node.flags.includes('master'))
      // The new holder first, so that no moment passes in which nobody is.
      for (const { port } of [target, ...masters.filter((node) => node !== target)]) {
        await ask(port, (redis) => redis.cluster('SETSLOT', slot, 'NODE', target.id))
      }
    },
    async answered(error) {
      const stats = await Promise.all(alive().map(({ port }) => ask(port, (redis) => redis.info('errorstats'))))
      const counts = stats.map((text) => Number(new RegExp(`errorstat_${error}:count=(\\d+)`).exec(text)?.[1] ?? 0))
      return counts.reduce((sum, value) => sum + value, 0)
    },
    async setNodeTimeout(milliseconds) {
      for (const { port } of alive()) {
        await ask(port, (redis) => redis.config('SET', 'cluster-node-timeout', milliseconds))
      }
    },
    async settled() {
      const whole = async () => {
        const seen = await Promise.all(
          alive().map(({ port }) => ask(port, (redis) => isSettled(redis, count - MASTERS))),
        )
        return seen.every(Boolean)
      }
      // Each look opens connections to all of them.
      await eventually('every server sees the whole cluster', whole, { every: 200 })
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
  await cluster.settled()
  // No failover by mistake on a busy machine. Who kills a master sets a shorter time.
  await cluster.setNodeTimeout(60_000)
  return cluster
}

async function isSettled(redis: Redis, replicas: number): Promise<boolean> {
  const info = (await redis.cluster('INFO')) as string
  if (!info.includes('cluster_state:ok') || !info.includes('cluster_slots_ok:16384')) return false
  const nodes = parseNodes((await redis.cluster('NODES')) as string)
  if (nodes.some(({ flags }) => flags.some((flag) => flag.startsWith('fail')))) return false
  const followed = new Set(nodes.filter(({ flags }) => flags.includes('slave')).map(({ master }) => master))
  if (followed.size !== replicas) return false
  const replication = await redis.info('replication')
  return replication.includes('role:master') || replication.includes('master_link_status:up')
}

/** Says something to one server, over a connection of its own. */
export async function ask<T>(port: number | undefined, say: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({
    port: port as number,
    connectTimeout: 60_000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  redis.on('error', () => {})
  try {
    return await say(redis)
  } finally {
    redis.disconnect()
  }
}

function parseNodes(text: string): Node[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [id = '', address = '', flags = '', master = '', , , , , ...ranges] = line.split(' ')
      const port = Number(/:(\d+)@/.exec(address)?.[1])
      // `[93-<-…]` marks a slot on its way.
      const slots = ranges
        .filter((range) => !range.startsWith('['))
        .map((range): [number, number] => {
          const [first, last = first] = range.split('-')
          return [Number(first), Number(last)]
        })
      return { id, port, flags: flags.split(','), master, slots }
    })
}

function holds(node: Node, slot: number): boolean {
  return node.slots.some(([first, last]) => first <= slot && slot <= last)
}
