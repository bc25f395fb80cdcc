import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import samples from '../testing/samples.js'
import { prefix } from './support/ioredis.js'
import { RESENDING, WAYS } from './support/lock-ways.js'
import { startProxy, type TcpProxy } from './support/proxy.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { eventually } from './support/waiting.js'

const { sample } = samples

let server: RedisServer
let reader: Redis
beforeAll(async () => {
  server = await startRedis()
  reader = new Redis(server.port)
})
afterAll(async () => {
  await reader?.quit()
  await server?.stop()
})

const counter = (n: number, more: object = {}) => sample('u', { slots: { n, ...more } })

async function line(): Promise<TcpProxy> {
  const proxy = await startProxy(server.port)
  onTestFinished(() => proxy.close())
  return proxy
}

describe('a reply that is lost', () => {
  for (const { name, open } of RESENDING) {
    it(`60 turns take effect once each: ${name}`, async () => {
      const network = await line()
      const place = prefix()
      const storage = await open(network.port, place)
      await storage.save(sample('u', { slots: { n: 0, log: [] } }))
      for (let turn = 0; turn < 60; turn++) {
        const next = ({ slots: { n, log } }: { slots: { n: number; log: number[] } }) =>
          sample('u', { slots: { n: n + 1, log: [...log, turn] } })
        if (turn % 3 === 0) {
          await storage.withLock('u', async () => {
            const state = (await storage.load('u')) as ReturnType<typeof next> & { slots: { n: number; log: number[] } }
            network.loseNextReply()
            await Promise.all([storage.save({ ...state, half: true }), storage.save(next(state))])
          })
        } else if (turn % 3 === 1) {
          await storage.update('u', (state) => {
            network.loseNextReply()
            return next(state)
          })
        } else {
          network.loseNextReply()
          await storage.update('u', next)
        }
      }
      const stored = JSON.parse((await reader.get(`app:${place}u`)) as string)
      expect(stored.slots).toEqual({ n: 60, log: Array.from({ length: 60 }, (_, turn) => turn) })
    })

    it(`leaves open what became of a conditional save that somebody has overwritten: ${name}`, async () => {
      const network = await line()
      const place = prefix()
      const storage = await open(network.port, place)
      const key = `app:${place}u`
      await storage.save(counter(0))
      const { etag } = await storage.loadEntry('u')
      network.loseNextReply()
      const saved = storage.save(counter(1), { ifMatch: etag })
      const outcome = saved.then(
        () => 'done',
        (error) => error.code,
      )
      await eventually('it took effect', async () => (await reader.get(key)) === JSON.stringify(counter(1)), {
        every: 0,
      })
      await reader.set(key, JSON.stringify(counter(50)))
      // What had overwritten it is never overwritten.
      expect(['done', 'ERR_STORAGE_TIMEOUT']).toContain(await outcome)
      expect(await storage.load('u')).toEqual(counter(50))
    })
  }
})

describe('a save inside a lock whose reply is lost, over a client that sends nothing again', () => {
  for (const { name, open } of WAYS.filter((way) => !RESENDING.includes(way))) {
    it(`lets a nested call overwrite nothing that it has not loaded: ${name}`, async () => {
      const network = await line()
      const place = prefix()
      const storage = await open(network.port, place)
      await storage.save(counter(0))
      await storage.withLock('u', async () => {
        await storage.load('u')
        network.loseNextReply()
        await expect(storage.save(counter(1))).rejects.toMatchObject({ retryable: true })
        await reader.set(`app:${place}u`, JSON.stringify(counter(50)))
        const blind = () => storage.save(counter(2))
        await eventually('it is refused', async () => {
          const error = await storage.withLock('u', blind).catch((reason) => reason)
          // The client may still be connecting.
          expect(error).toMatchObject({ code: expect.stringMatching(/CONFLICT|UNAVAILABLE/) })
          return error.code === 'ERR_STORAGE_CONFLICT'
        })
        expect(await storage.load('u')).toEqual(counter(50))
        await storage.save(counter(51))
      })
      expect(await storage.load('u')).toEqual(counter(51))
    })
  }
})
