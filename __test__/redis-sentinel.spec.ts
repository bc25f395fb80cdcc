import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'

import type { ConversationState } from '../index.js'
import { countLost } from './support/checker.js'
import { ask } from './support/redis-cluster.js'
import { type SentinelGroup, startSentinels } from './support/redis-sentinel.js'
import type { RedisServer } from './support/redis-server.js'
import { conclude, each, ids, type RedisSubject, redisSubjects } from './support/redis-subjects.js'
import { synchronous } from './support/synchronous.js'
import { type Deed, judgeTurns } from './support/turn-history.js'
import { eventually, sleep } from './support/waiting.js'

let group: SentinelGroup
beforeAll(async () => {
  group = await startSentinels()
})
afterAll(() => group?.stop())
beforeEach(() => group.mend())

function open() {
  // As docs/redis.md recommends: the connection follows a failover that leaves the old master alive.
  const options = () => ({
    sentinels: group.sentinels,
    name: group.name,
    failoverDetector: true,
  })
  const manner = { pause: 20, timeout: 60_000 }
  const plain = redisSubjects(options, { ...manner, count: 12 })
  // Each acknowledged write is on both replicas, whichever is promoted.
  const wrap = (client: Parameters<typeof synchronous>[0]) => synchronous(client, 2)
  const exact = redisSubjects(options, { ...manner, count: 8, suffix: '-synchronous', wrap })
  onTestFinished(() => {
    for (const { client } of [...plain, ...exact]) client.disconnect()
  })
  return { plain, exact, all: [...plain, ...exact] }
}

/**
 * Returns the server that is promoted instead of `old`, and writes down what it held then, before any client was there. Begins to
 * look within the call.
 */
async function takeStock(old: RedisServer, subjects: RedisSubject[]): Promise<RedisServer> {
  const places = subjects.flatMap(({ history, prefix }) =>
    ids(history).map((id) => ({ history, id, key: prefix + id })),
  )
  const keys = places.map(({ key }) => key)
  const others = group.servers.filter((server) => server !== old)
  // A server that is promoted drops its connections. These come back before those of clients, which first ask a sentinel.
  const looks = others.map((server) => ({
    server,
    redis: new Redis({ port: server.port, retryStrategy: () => 1, maxRetriesPerRequest: 0 }).on('error', () => {}),
  }))
  const found: { server?: RedisServer; clients?: unknown; texts?: unknown } = {}
  const look = async () => {
    for (const { server, redis } of looks) {
      // In one step, so that the clients which are listed have changed nothing yet.
      const replies = await redis
        .multi()
        .role()
        .client('LIST')
        .mget(keys)
        .exec()
        .catch(() => null)
      const [role, clients, texts] = (replies ?? []).map(([, reply]) => reply)
      if ((role as string[] | undefined)?.[0] === 'master') Object.assign(found, { server, clients, texts })
    }
    return found.server !== undefined
  }
  try {
    await eventually('another server has become master', look, { every: 2 })
  } finally {
    for (const { redis } of looks) redis.disconnect()
  }
  expect(found.clients).not.toMatch(/name=ioredis/)
  const texts = found.texts as (string | null)[]
  for (const [index, { history, id }] of places.entries()) history.failedOver(id, texts[index] as string | null)
  return found.server as RedisServer
}

/** Makes the old master a replica, as the sentinels would some seconds later. */
async function follow(old: RedisServer, promoted: RedisServer): Promise<void> {
  await ask(old.port, async (redis) => {
    await redis.replicaof('127.0.0.1', promoted.port)
    await redis.call('CLIENT', 'UNPAUSE')
  })
  await group.settled()
}

/** Pauses writes, and waits until both replicas have all that was acknowledged. */
async function pauseWrites(old: RedisServer): Promise<void> {
  await ask(old.port, async (redis) => {
    await redis.call('CLIENT', 'PAUSE', 20_000, 'WRITE')
    const offset = Number(/master_repl_offset:(\d+)/.exec(await redis.info('replication'))?.[1])
    await eventually('both replicas have all that was acknowledged', async () => {
      const offsets = [...(await redis.info('replication')).matchAll(/,offset=(\d+)/g)]
      return offsets.length === 2 && offsets.every(([, replica]) => Number(replica) >= offset)
    })
  })
}

async function finish(subjects: RedisSubject[]): Promise<void> {
  const master = await group.master()
  await ask(master.port, async (reader) => {
    for (const subject of subjects) {
      const report = await conclude(subject, (key) => reader.get(key))
      expect(report).toMatchObject({ name: subject.name, violations: [] })
      // Nothing had to be given up by our own deadline.
      expect(Object.keys(report.counts)).not.toContain('ERR_STORAGE_TIMEOUT')
      if (process.env.FLOWKIT_VERBOSE) console.log(report.name, report.counts, 'lost:', countLost(subject.history))
    }
  })
}

/** Has each storage append to a conversation of its own in turns, two at a time, until `end` is called. */
function takeTurns(subjects: RedisSubject[]) {
  const deeds: Deed[] = []
  let goesOn = true
  const append = async ({ name, storage }: RedisSubject, task: number) => {
    for (let number = 0; goesOn; number++) {
      const entry = `${task}:${number}`
      const deed: Deed = { id: name, entry, began: performance.now() }
      deeds.push(deed)
      const add = (state: ConversationState | null) =>
        ({ conversationId: 'u', entries: [...((state as unknown as List)?.entries ?? []), entry] }) as never
      deed.outcome = await storage.update('u', add, { lease: 1_000 }).then(
        () => 'done',
        (error) => `${error.code} ${error.operation}`,
      )
      deed.ended = performance.now()
      await sleep(20)
    }
  }
  const tasks = subjects.flatMap((subject) => [append(subject, 0), append(subject, 1)])
  return {
    /** Waits until each storage has done a turn that began from now on. */
    async goOn() {
      const now = performance.now()
      const isBack = ({ name }: RedisSubject) =>
        deeds.some(({ id, began, outcome }) => id === name && began > now && outcome === 'done')
      // A turn that was under way when the master was killed may take until its own deadline.
      await eventually('each storage goes on', () => subjects.every(isBack), { within: 90_000 })
    },
    async end() {
      goesOn = false
      await Promise.all(tasks)
      const { port } = await group.master()
      const stored = new Map<string, string[]>()
      await ask(port, async (redis) => {
        for (const { name, prefix } of subjects) {
          stored.set(name, JSON.parse((await redis.get(`${prefix}u`)) as string).entries)
        }
      })
      const done = deeds.filter(({ outcome }) => outcome === 'done').length
      if (process.env.FLOWKIT_VERBOSE) console.log({ turns: deeds.length, done })
      return judgeTurns(deeds, stored)
    },
  }
}

type List = { entries: string[] } | null

describe('turns of a master with two replicas and three sentinels', () => {
  it('that a failover meets while writes are paused take effect once each', async () => {
    const { plain } = open()
    const turns = takeTurns(plain)
    await turns.goOn()
    const old = await group.master()
    await pauseWrites(old)
    await group.failOver()
    const promoted = await group.promoted(old)
    await turns.goOn()
    await follow(old, promoted)
    await turns.goOn()
    expect(await turns.end()).toEqual([])
  })

  it('that are acknowledged by all servers take effect once each when the master is killed', async () => {
    const { exact } = open()
    const turns = takeTurns(exact)
    await turns.goOn()
    const old = await group.master()
    await old.kill()
    await group.promoted(old)
    // With one replica left no synchronous write is acknowledged.
    await group.rejoin(old)
    await turns.goOn()
    expect(await turns.end()).toEqual([])
  })
})

describe('a master with two replicas and three sentinels', () => {
  it('the master is killed: all goes on, as the promoted replica has it', async () => {
    const { plain, exact, all } = open()
    await each(all, ({ conversations }) => conversations.goOn(2))
    for (const { history } of all) history.disturb()
    const old = await group.master()
    const stock = takeStock(old, plain)
    await old.kill()
    const promoted = await stock
    // As the sentinels do, at times after most of a minute. Until then the promoted server refuses writes. Again and again, since
    // one that has not heard of the promotion may undo it.
    const third = group.servers.find((server) => server !== old && server !== promoted)
    const lead = () => ask(third?.port, (redis) => redis.replicaof('127.0.0.1', promoted.port))
    await lead()
    const again = setInterval(() => void lead().catch(() => {}), 2_000)
    await each(plain, ({ conversations }) => conversations.goOn(3)).finally(() => clearInterval(again))
    // With one replica left no synchronous write is acknowledged.
    await group.rejoin(old)
    await each(exact, ({ conversations }) => conversations.goOn(3))
    await finish(all)
  })

  it('SENTINEL FAILOVER: all goes on, as the promoted replica has it', async () => {
    const { plain, all } = open()
    await each(all, ({ conversations }) => conversations.goOn(2))
    for (const { history } of all) history.disturb()
    const old = await group.master()
    // Until a client has left it, the old master acknowledges what will be thrown away.
    const moved = each(
      plain,
      ({ client, history }) =>
        new Promise<void>((resolve) => {
          client.on('ready', function ready() {
            if (client.stream.remotePort === old.port) return
            client.off('ready', ready)
            for (const { failovers } of history.records.values()) {
              for (const failover of failovers) failover.time = history.now()
            }
            resolve()
          })
        }),
    )
    const stock = takeStock(old, plain)
    await group.failOver()
    const promoted = await stock
    await moved
    await each(plain, ({ conversations }) => conversations.goOn(3))
    await follow(old, promoted)
    await each(all, ({ conversations }) => conversations.goOn(3))
    await finish(all)
  })

  it('SENTINEL FAILOVER while writes are paused: nothing is lost at all', async () => {
    const { plain, all } = open()
    await each(all, ({ conversations }) => conversations.goOn(2))
    for (const { history } of all) history.disturb()
    const old = await group.master()
    await pauseWrites(old)
    await group.failOver()
    const promoted = await group.promoted(old)
    await each(plain, ({ conversations }) => conversations.goOn(3))
    await follow(old, promoted)
    await each(all, ({ conversations }) => conversations.goOn(3))
    await finish(all)
  })
})
