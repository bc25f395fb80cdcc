import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { countLost } from './support/checker.js'
import { ask } from './support/redis-cluster.js'
import { type SentinelGroup, startSentinels } from './support/redis-sentinel.js'
import type { RedisServer } from './support/redis-server.js'
import { conclude, each, ids, type RedisSubject, redisSubjects } from './support/redis-subjects.js'
import { synchronous } from './support/synchronous.js'
import { eventually } from './support/waiting.js'

let group: SentinelGroup
beforeAll(async () => {
  group = await startSentinels()
})
afterAll(() => group?.stop())

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

/** Writes down what the promoted server held when it was promoted, before any client is there. */
async function takeStock(promoted: RedisServer, subjects: RedisSubject[]): Promise<void> {
  const places = subjects.flatMap(({ history, prefix }) =>
    ids(history).map((id) => ({ history, id, key: prefix + id })),
  )
  await ask(promoted.port, async (redis) => {
    // In one step: clients come within a second, in which a busy machine does not get far with a request for each key.
    const keys = places.map(({ key }) => key)
    const [clients, held] = (await redis.multi().client('LIST').mget(keys).exec()) as [null, unknown][]
    expect(clients?.[1]).not.toMatch(/name=ioredis/)
    const texts = held?.[1] as (string | null)[]
    for (const [index, { history, id }] of places.entries()) history.failedOver(id, texts[index] as string | null)
  })
}

/** Makes the old master a replica, as the sentinels would some seconds later. */
async function follow(old: RedisServer, promoted: RedisServer): Promise<void> {
  await ask(old.port, async (redis) => {
    await redis.replicaof('127.0.0.1', promoted.port)
    await redis.call('CLIENT', 'UNPAUSE')
  })
  await group.settled()
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

describe('a master with two replicas and three sentinels', () => {
  it('the master is killed: all goes on, as the promoted replica has it', async () => {
    const { plain, exact, all } = open()
    await each(all, ({ conversations }) => conversations.goOn(2))
    for (const { history } of all) history.disturb()
    const old = await group.master()
    await old.kill()
    const promoted = await group.promoted(old)
    await takeStock(promoted, plain)
    await each(plain, ({ conversations }) => conversations.goOn(3))
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
    await group.failOver()
    const promoted = await group.promoted(old)
    await takeStock(promoted, plain)
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
    await ask(old.port, async (redis) => {
      await redis.call('CLIENT', 'PAUSE', 20_000, 'WRITE')
      const offset = Number(/master_repl_offset:(\d+)/.exec(await redis.info('replication'))?.[1])
      await eventually('both replicas have all that was acknowledged', async () => {
        const offsets = [...(await redis.info('replication')).matchAll(/,offset=(\d+)/g)]
        return offsets.length === 2 && offsets.every(([, replica]) => Number(replica) >= offset)
      })
    })
    await group.failOver()
    const promoted = await group.promoted(old)
    await each(plain, ({ conversations }) => conversations.goOn(3))
    await follow(old, promoted)
    await each(all, ({ conversations }) => conversations.goOn(3))
    await finish(all)
  })
})
