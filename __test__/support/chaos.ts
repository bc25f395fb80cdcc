import { Redis } from 'ioredis'

import { check, type Violation } from './checker.js'
import { FAULTS, type Fault, USER, type World } from './faults.js'
import { startProxy } from './proxy.js'
import { ask } from './redis-cluster.js'
import { startRedis } from './redis-server.js'
import { each, ids, type RedisSubject, redisSubjects } from './redis-subjects.js'
import { sleep } from './waiting.js'

export interface ChaosOptions {
  faults: Fault[]
  seed: number
  longest: number
}

/** The result of a run, for one subject. */
export interface Report {
  name: string
  violations: Violation[]
  counts: { [outcome: string]: number }
  /** How often its own connection of ours, if it has one, was seen between two faults. */
  native: number
  journal: string[]
}

/** The same numbers for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** As many faults as wanted: every kind once in a random order, then again in another. */
export function schedule(count: number, seed: number): Fault[] {
  const random = randomFrom(seed)
  const faults: Fault[] = []
  while (faults.length < count) {
    const deck = [...FAULTS]
    while (deck.length > 0) faults.push(...deck.splice(Math.floor(random() * deck.length), 1))
  }
  return faults.slice(0, count)
}

/**
 * Puts the storages through one fault after the other. After each, every conversation has to go on without an error before
 * the next one comes.
 */
export async function unleash({ faults, seed, longest }: ChaosOptions): Promise<Report[]> {
  const { username, password } = USER
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always']
  const server = await startRedis(...durable, '--user', username, 'on', `>${password}`, '~*', '&*', '+@all')
  const proxy = await startProxy(server.port)
  const random = randomFrom(seed)
  const options = () => ({ port: proxy.port, username, password })
  const subjects = redisSubjects(options, { count: 8, pause: 3, timeout: 20_000, random })
  const world = {
    server,
    proxy,
    subjects,
    longest,
    random,
    tell: <T>(say: (redis: Redis) => Promise<T>) => ask(server.port, say),
  }
  const native = subjects.map(() => 0)
  const problems: Violation[] = []
  try {
    await each(subjects, ({ conversations }) => conversations.goOn(3))
    for (const fault of faults) {
      await sleep(50 + random() * 200)
      const ends = subjects.map(({ history }) => {
        history.note(fault.name)
        return history.disturb()
      })
      try {
        await fault.strike(world)
        await each(subjects, ({ conversations }) => conversations.goOn(3))
      } catch (error) {
        problems.push({ kind: 'unsettled', id: fault.name, what: String(error) })
      }
      for (const end of ends) end()
      subjects.forEach(({ storage }, index) => {
        if ((storage as { mode?: string }).mode === 'native') native[index] = (native[index] ?? 0) + 1
      })
      if (problems.length > 0) break
    }
    await each(subjects, async ({ conversations, history, prefix }) => {
      await conversations.end()
      await readBack(world, history, prefix)
    })
    return subjects.map(({ name, history }, index) => ({
      name,
      violations: [...problems, ...check(history)].slice(0, 20),
      counts: history.counts(),
      native: native[index] ?? 0,
      journal: history.journal,
    }))
  } finally {
    for (const { client } of subjects) client.disconnect()
    await proxy.close()
    await server.stop()
  }
}

/** Compares every database with what was said to be in it. */
async function readBack({ server }: World, history: RedisSubject['history'], prefix: string): Promise<void> {
  const places = new Set([...history.records.keys()].map((name) => name.slice(0, name.indexOf('/') + 1)))
  for (const place of places) {
    history.place = place
    const reader = new Redis({ port: server.port, db: Number.parseInt(place, 10) })
    for (const id of ids(history)) history.found(id, await reader.get(prefix + id))
    reader.disconnect()
  }
}
