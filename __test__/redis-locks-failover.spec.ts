import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'

import type { LockingStorage } from '../testing/case.js'
import samples from '../testing/samples.js'
import { prefix } from './support/ioredis.js'
import { WAYS } from './support/lock-ways.js'
import { startProxy } from './support/proxy.js'
import { ask } from './support/redis-cluster.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { eventually } from './support/waiting.js'

const { sample } = samples

let master: RedisServer
let replica: RedisServer
beforeAll(async () => {
  const [first, second] = await Promise.all([startRedis('--repl-diskless-sync-delay', '0'), startRedis()])
  master = first
  replica = second
})
afterAll(() => Promise.all([master?.stop(), replica?.stop()]))

const counter = (n: number) => sample('u', { slots: { n } })

async function replicate(): Promise<void> {
  await ask(replica.port, async (redis) => {
    await redis.replicaof('127.0.0.1', master.port)
    await eventually('the replica follows', async () =>
      (await redis.info('replication')).includes('master_link_status:up'),
    )
  })
}

/** Waits until the replica has all that the master has acknowledged. */
const waitForReplica = () => ask(master.port, (redis) => redis.wait(1, 10_000))

const promote = () => ask(replica.port, (redis) => redis.replicaof('NO', 'ONE'))

/**
 * Begins a turn by every way. Before it saves, a failover leads to a server that has never heard of its lock, and `there` does
 * something on that server. Returns how the saves ended, and what is stored in the end.
 */
async function turnsOverFailover(there: (other: LockingStorage, turn: () => Promise<void>) => Promise<void>) {
  await replicate()
  const network = await startProxy(master.port)
  onTestFinished(() => network.close())
  const place = prefix()
  const names = WAYS.map(({ name }) => name)
  const storages = await Promise.all(WAYS.map(({ name, open }) => open(network.port, `${place}${name}:`)))
  const others = await Promise.all(names.map((name) => WAYS[0]?.open(replica.port, `${place}${name}:`)))
  await Promise.all(storages.map((storage) => storage.save(counter(0))))
  await waitForReplica()
  await promote()
  let inside = 0
  let goOn = () => {}
  const failedOver = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const ends = storages.map((storage, index) =>
    storage.withLock('u', async () => {
      await storage.load('u')
      if (++inside === storages.length) {
        network.redirect(replica.port)
        goOn()
      }
      await failedOver
      let end: string | undefined
      await there(others[index] as LockingStorage, async () => {
        do {
          end = await storage.save(counter(1)).then(
            () => 'saved',
            (error) => error.code,
          )
          // node-redis sends nothing again. The same save may be tried again.
        } while (end === 'ERR_STORAGE_UNAVAILABLE')
      })
      return end
    }),
  )
  const ended = await Promise.all(ends)
  const stored = await Promise.all(others.map(async (other) => (await other?.load('u'))?.slots.n))
  return names.map((name, index) => `${name}: ${ended[index]}, ${stored[index]}`)
}

it('a turn whose lock a failover has lost saves, if nobody else came', async () => {
  const ends = await turnsOverFailover((_other, turn) => turn())
  expect(ends).toEqual(WAYS.map(({ name }) => `${name}: saved, 1`))
})

it('it is refused if somebody else has the lock there, whose turn goes on', async () => {
  const ends = await turnsOverFailover((other, turn) =>
    other.withLock('u', async () => {
      await other.load('u')
      await turn()
      await other.save(counter(200))
    }),
  )
  expect(ends).toEqual(WAYS.map(({ name }) => `${name}: ERR_STORAGE_CONFLICT, 200`))
})

it('it is refused if somebody else did a whole turn there', async () => {
  const ends = await turnsOverFailover(async (other, turn) => {
    await other.update('u', () => counter(100))
    await turn()
  })
  expect(ends).toEqual(WAYS.map(({ name }) => `${name}: ERR_STORAGE_CONFLICT, 100`))
})
