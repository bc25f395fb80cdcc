import { randomUUID } from 'node:crypto'
import { describe, inject, onTestFinished } from 'vitest'

import { countBothCase } from './lock-counters.js'
import { lockProcessCases } from './lock-processes.js'
import type { Place } from './support/open.mjs'
import { startProxy } from './support/proxy.js'
import { turnCases, type Way } from './turns.js'

function way(name: string, native: boolean, place: () => Place): Way {
  return {
    name,
    native,
    async makePlace() {
      const { adapter, options } = place()
      return { adapter, options: { ...options, prefix: `${randomUUID()}:` } }
    },
    putAtRisk,
  }
}

async function putAtRisk({ adapter, options }: Place) {
  const network = await startProxy(inject('redisPort'))
  onTestFinished(() => network.close())
  const { port } = network
  const through = options.connection ? { ...options, connection: { port } } : { ...options, port }
  const disturb = () => (Math.random() < 0.5 ? network.drop() : network.loseNextReply())
  return { place: { adapter, options: through }, disturb }
}

const connection = () => ({ port: inject('redisPort') })

/** The own connection, a sidecar, and the methods of a client. */
const WAYS = [
  way('redis { port }', true, () => ({ adapter: 'redis', options: connection() })),
  way('redis { client }, beside ioredis', true, () => ({
    adapter: 'ioredis',
    options: { connection: connection() },
  })),
  way('redis { client }, node-redis', false, () => ({
    adapter: 'node-redis',
    options: { connection: connection() },
  })),
]

/** Further versions of clients, and ioredis by its methods. */
const FURTHER = [
  way('beside ioredis 5', true, () => ({
    adapter: 'ioredis',
    options: { module: 'ioredis', connection: connection() },
  })),
  way('ioredis 6, inline', false, () => ({
    adapter: 'ioredis',
    options: { connection: connection(), mode: 'inline' },
  })),
  way('node-redis 5', false, () => ({
    adapter: 'node-redis',
    options: { module: 'redis-5', connection: connection() },
  })),
]

for (const one of FURTHER) countBothCase(one.name, one)

for (const one of WAYS) {
  describe(one.name, () => lockProcessCases(one))
  turnCases(one)
}
