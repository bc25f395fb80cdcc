import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort } from './ports.js'
import { ask } from './redis-cluster.js'
import { end, launch, type RedisServer, startRedis } from './redis-server.js'
import { eventually } from './waiting.js'

/** A master and two replicas under three sentinels, two of which have to agree. */
export interface SentinelGroup {
  /** The name that the sentinels give to the master. */
  name: string
  servers: RedisServer[]
  sentinels: { host: string; port: number }[]
  master(): Promise<RedisServer>
  /** Asks a sentinel for a failover while all is well. */
  failOver(): Promise<void>
  /** The server that has become master instead of `old`, as soon as it knows itself. */
  promoted(old: RedisServer): Promise<RedisServer>
  /** Starts a killed server again, as a replica, and waits until all is as it was. */
  rejoin(server: RedisServer): Promise<void>
  /** Starts what a test that failed has left killed, so that the next one fails of itself alone. */
  mend(): Promise<void>
  /** Waits until there are a master and two replicas that have its data, and every sentinel knows them. */
  settled(): Promise<void>
  stop(): Promise<void>
}

export async function startSentinels(): Promise<SentinelGroup> {
  // A name of its own, so that sentinels of somebody else's group never mistake these for theirs.
  const name = `flowkit-${randomUUID()}`
  // A master that was left alone must not go on acknowledging what will be thrown away.
  const safe = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '10']
  const options = [...safe, '--repl-diskless-sync-delay', '0', '--replica-announce-ip', '127.0.0.1']
  const first = await startRedis(...options)
  const follow = (port: number) => ['--replicaof', `127.0.0.1 ${port}`]
  const others = await Promise.all([startRedis(...options), startRedis(...options)])
  const servers = [first, ...others]
  for (const { port } of others) await ask(port, (redis) => redis.replicaof('127.0.0.1', first.port))
  await eventually('both replicas have the data', async () => (await linked(first)) === 2)

  const dir = await mkdtemp(join(tmpdir(), 'flowkit-sentinel-'))
  const sentinels = await Promise.all(
    Array.from({ length: 3 }, async (_, index) => {
      const port = await freePort()
      const config = join(dir, `sentinel-${index}.conf`)
      // They write to it what they find out.
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${dir}`,
        `sentinel monitor ${name} 127.0.0.1 ${first.port} 2`,
        `sentinel down-after-milliseconds ${name} 3000`,
        `sentinel failover-timeout ${name} 4000`,
        `sentinel parallel-syncs ${name} 2`,
      ]
      await writeFile(config, `${lines.join('\n')}\n`)
      return { host: '127.0.0.1', port, process: await launch([config, '--sentinel'], 'Sentinel ID is') }
    }),
  )

  const isUp = ({ process }: RedisServer) => process.exitCode === null && process.signalCode === null
  const group: SentinelGroup = {
    name,
    servers,
    sentinels: sentinels.map(({ host, port }) => ({ host, port })),
    async master() {
      const port = await masterAt(sentinels[0]?.port, name)
      return servers.find((server) => server.port === port) as RedisServer
    },
    failOver: () => ask(sentinels[0]?.port, async (redis) => void (await redis.call('SENTINEL', 'FAILOVER', name))),
    async promoted(old) {
      let found: RedisServer | undefined
      const look = async () => {
        for (const server of servers.filter((one) => one !== old && isUp(one))) {
          if ((await roleOf(server)) === 'master') found = server
        }
        return found !== undefined
      }
      await eventually('another server has become master', look, { every: 5 })
      return found as RedisServer
    },
    async rejoin(server) {
      const master = await group.master()
      await server.restart(...follow(master.port))
      await group.settled()
    },
    async mend() {
      for (const server of servers) if (!isUp(server)) await group.rejoin(server)
      await group.settled()
    },
    async settled() {
      await eventually('a master, two replicas and three sentinels agree', async () => {
        const ports = await Promise.all(sentinels.map(({ port }) => masterAt(port, name)))
        const master = await group.master()
        if (ports.some((port) => port !== master.port) || (await roleOf(master)) !== 'master') return false
        const known = await Promise.all(sentinels.map(({ port }) => knows(port, name)))
        return known.every(Boolean) && (await linked(master)) === 2
      })
    },
    async stop() {
      await Promise.all(sentinels.map(({ process }) => end(process)))
      await Promise.all(servers.map((server) => server.stop()))
      await rm(dir, { recursive: true, force: true })
    },
  }
  await group.settled()
  return group
}

/** How many replicas of this master have its data and follow. */
async function linked({ port }: RedisServer): Promise<number> {
  return ask(port, async (redis) => (await redis.info('replication')).match(/state=online/g)?.length ?? 0)
}

async function roleOf({ port }: RedisServer): Promise<unknown> {
  return ask(port, async (redis) => ((await redis.role()) as unknown[])[0])
}

async function masterAt(sentinel: number | undefined, name: string): Promise<number> {
  return ask(sentinel, async (redis) => {
    const address = (await redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as string[]
    return Number(address[1])
  })
}

/** Returns whether this sentinel knows two others and two replicas that it could promote. */
async function knows(sentinel: number, name: string): Promise<boolean> {
  return ask(sentinel, async (redis) => {
    const replicas = (await redis.call('SENTINEL', 'REPLICAS', name)) as string[][]
    const others = (await redis.call('SENTINEL', 'SENTINELS', name)) as string[][]
    const flags = replicas.map((fields) => fields[fields.indexOf('flags') + 1])
    return others.length === 2 && flags.join() === 'slave,slave'
  })
}
