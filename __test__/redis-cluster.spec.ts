import { randomUUID } from 'node:crypto'
import { Cluster } from 'ioredis'
import { Cluster as Cluster6 } from 'ioredis6'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { RedisStorage } from '../index.js'
import type { LockingStorage } from '../testing/case.js'
import samples from '../testing/samples.js'
import { countBothCase } from './lock-counters.js'
import { countLost } from './support/checker.js'
import { ask, PATIENT_CLUSTER, type RedisCluster, startCluster } from './support/redis-cluster.js'
import { type ClusterSubject, clusterSubjects, conclude, each, ids } from './support/redis-subjects.js'
import { synchronous } from './support/synchronous.js'
import { eventually } from './support/waiting.js'

const { sample } = samples

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster({ replicas: true })
})
afterAll(() => cluster?.stop())

/** Past the storages. */
function openReader(): Cluster {
  const reader = new Cluster(nodes(), PATIENT_CLUSTER)
  reader.on('error', () => {})
  onTestFinished(() => reader.disconnect())
  return reader
}

const nodes = () => cluster.ports.map((port) => ({ host: '127.0.0.1', port }))

/** Of both majors of ioredis. */
async function openClients(): Promise<Cluster[]> {
  const clients = [new Cluster(nodes(), PATIENT_CLUSTER), new Cluster6(nodes(), PATIENT_CLUSTER) as unknown as Cluster]
  for (const client of clients) client.on('error', () => {})
  onTestFinished(() => {
    for (const client of clients) client.disconnect()
  })
  return clients
}

/** The ports of those that hold slots now. */
async function masters(): Promise<number[]> {
  const holders = await Promise.all([0, 6_000, 12_000].map((slot) => cluster.holderOf(slot)))
  return holders.map(({ master }) => master.port)
}

/** Each conversation with its slot. */
function slots({ history, prefix }: ClusterSubject): Promise<{ id: string; key: string; slot: number }[]> {
  return ask(cluster.ports[1], (redis) =>
    Promise.all(
      ids(history).map(async (id) => {
        const key = prefix + id
        return { id, key, slot: Number(await redis.cluster('KEYSLOT', key)) }
      }),
    ),
  )
}

describe('a cluster of three masters and three replicas', () => {
  it('a master is killed under 64 conversations: all goes on, as the replica has it', async () => {
    const manner = { pause: 20, timeout: 240_000 }
    // Replication is asynchronous: what the replica holds decides what was kept.
    const plain = clusterSubjects(nodes(), {}, { ...manner, count: 20 })
    // Here each acknowledged write is on the replica: nothing at all may be lost.
    const wrap = (client: Parameters<typeof synchronous>[0]) => synchronous(client, 1)
    const exact = clusterSubjects(nodes(), {}, { ...manner, count: 12, suffix: '-synchronous', wrap })
    const all = [...plain, ...exact]
    await each(all, ({ conversations }) => conversations.goOn(2))

    const keys = await each(plain, slots)
    const { master, replica } = await cluster.holderOf(keys[0]?.[0]?.slot as number)
    if (replica === undefined) throw new Error('the master has no replica')
    const onMaster = await Promise.all(
      keys.flat().map(async ({ slot }) => (await cluster.holderOf(slot)).master === master),
    )
    for (const { history } of all) history.disturb()
    // The replica is not promoted before it has shown what it has, however long that takes.
    await cluster.setNodeTimeout(600_000)
    await master.kill()
    await ask(replica.port, async (redis) => {
      await eventually('the replica has noticed', async () =>
        (await redis.info('replication')).includes('master_link_status:down'),
      )
      await redis.readonly()
      let index = 0
      for (const [number, { history }] of plain.entries()) {
        for (const { id, key } of keys[number] ?? []) {
          if (onMaster[index++]) history.failedOver(id, await redis.get(key))
        }
      }
      expect(await redis.info('replication')).toContain('role:slave')
    })
    await cluster.setNodeTimeout(5_000)
    expect(onMaster.filter(Boolean).length).toBeGreaterThan(2)

    await each(plain, ({ conversations }) => conversations.goOn(3))
    // Without a replica no synchronous write is acknowledged.
    await master.restart()
    await each(exact, ({ conversations }) => conversations.goOn(3))
    expect((await cluster.holderOf(keys[0]?.[0]?.slot as number)).master).toBe(replica)

    const reader = openReader()
    for (const subject of all) {
      const report = await conclude(subject, (key) => reader.get(key))
      expect(report).toMatchObject({ name: subject.name, violations: [] })
      // Nothing had to be given up by our own deadline.
      expect(Object.keys(report.counts)).not.toContain('ERR_STORAGE_TIMEOUT')
      if (process.env.FLOWKIT_VERBOSE) console.log(report.name, report.counts, 'lost:', countLost(subject.history))
    }
    await cluster.settled()
    await cluster.setNodeTimeout(60_000)
  })

  it('slots move with their keys: no error, and nothing is lost', async () => {
    // What is redirected waits a little, while what is called later goes straight to the new place: without a storage that
    // waits, it would overtake.
    const late = { retryDelayOnMoved: 20 }
    const subjects = clusterSubjects(nodes(), late, { pause: 5, timeout: 60_000, count: 12 })
    await each(subjects, ({ conversations }) => conversations.goOn(2))
    const before = { ask: await cluster.answered('ASK'), moved: await cluster.answered('MOVED') }
    const masters = new Set<number>()
    const moving = (await each(subjects, slots)).flat()
    for (const { slot } of moving) masters.add((await cluster.holderOf(slot)).master.port)
    expect(masters.size).toBe(3)
    for (const { slot } of moving) {
      const { master } = await cluster.holderOf(slot)
      const to = [...masters].find((port) => port !== master.port) as number
      await cluster.moveSlot(slot, to, 60)
    }
    await each(subjects, ({ conversations }) => conversations.goOn(2))
    // The clients did meet slots on their way.
    expect(await cluster.answered('ASK')).toBeGreaterThan(before.ask)
    expect(await cluster.answered('MOVED')).toBeGreaterThan(before.moved)
    const reader = openReader()
    for (const subject of subjects) {
      const report = await conclude(subject, (key) => reader.get(key))
      expect(report).toMatchObject({ name: subject.name, violations: [] })
      expect(Object.keys(report.counts)).toEqual(['done'])
    }
  })

  for (const [name, adapter, module] of [
    ['ioredis 5', 'ioredis', 'ioredis'],
    ['ioredis 6', 'ioredis', 'ioredis6'],
    ['node-redis 4', 'node-redis', 'redis4'],
  ] as const) {
    const makePlace = async () => ({ adapter, options: { module, nodes: nodes(), prefix: `${randomUUID()}:` } })
    countBothCase(name, { makePlace })
  }

  it('slots move under locks: each update takes effect once, and a turn waits for its slot', async () => {
    const clients = await openClients()
    const prefix = `${randomUUID()}:`
    const storages = clients.map((client) => new RedisStorage({ client, prefix }) as unknown as LockingStorage)
    const names = ['a', 'b', 'c']
    for (const id of names) await storages[0]?.save(sample(id, { slots: { n: 0 } }))
    let goesOn = true
    const counts = storages.flatMap((storage) =>
      names.map(async (id) => {
        let count = 0
        while (goesOn) {
          try {
            await storage.update(id, (state) => void state.slots.n++)
            count++
          } catch (error) {
            // On a busy machine a move takes longer than a client follows. Nothing was done then.
            if (!/Too many Cluster redirections/.test((error as Error & { cause?: Error }).cause?.message ?? ''))
              throw error
          }
        }
        return count
      }),
    )
    for (const id of names) {
      const slot = await ask(cluster.ports[1], (redis) => redis.cluster('KEYSLOT', prefix + id))
      for (const to of await masters()) await cluster.moveSlot(Number(slot), to, 300)
    }
    goesOn = false
    const sums = await Promise.all(counts)
    const reader = openReader()
    for (const [index, id] of names.entries()) {
      const sum = sums.reduce((total, count, place) => (place % names.length === index ? total + count : total), 0)
      expect(JSON.parse((await reader.get(prefix + id)) as string).slots.n).toBe(sum)
      expect(sum).toBeGreaterThan(10)
    }
  })

  it('an ACL user that may do what docs/redis.md lists is enough', async () => {
    const rules = ['on', '>secret', '~*', '-@all', '+set', '+get', '+del', '+info', '+cluster|slots', '+cluster|info']
    for (const { port } of cluster.servers) await ask(port, (redis) => redis.acl('SETUSER', 'bot', 'reset', ...rules))
    const credentials = { redisOptions: { username: 'bot', password: 'secret' } }
    const subjects = clusterSubjects(nodes(), credentials, { pause: 5, timeout: 60_000, count: 8 })
    await each(subjects, ({ conversations }) => conversations.goOn(2))
    const reader = openReader()
    for (const subject of subjects) {
      const report = await conclude(subject, (key) => reader.get(key))
      expect(report).toMatchObject({ violations: [] })
      expect(Object.keys(report.counts)).toEqual(['done'])
    }
  })
})
