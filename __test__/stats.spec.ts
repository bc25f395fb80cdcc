// What `stats()` counts, on every way to construct a storage.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import * as promClient from 'prom-client'
import { Registry } from 'prom-client'
import { describe, expect, inject, it, onTestFinished } from 'vitest'

import {
  type ConversationPlace,
  type ConversationState,
  CustomStorage,
  FileStorage,
  MemoryStorage,
  RedisStorage,
  SQLiteStorage,
  type StoredContent,
} from '../index.js'
import samples from '../testing/samples.js'
import { loadBetterSqlite } from './support/open.mjs'
import { temporaryDirectory } from './support/subjects.js'

const { sample } = samples
const bytes = (state: object) => Buffer.byteLength(JSON.stringify(state))

type Storage = MemoryStorage

/** A place of the user's own, in a map. */
function mapPlace(): ConversationPlace {
  const map = new Map<string, StoredContent>()
  const stored = (id: string) => map.get(id) ?? { text: null, record: null }
  return {
    read: async (id) => stored(id),
    transact: async (id, change) => void map.set(id, { ...stored(id), ...change(stored(id)) }),
    list: async ({ after, limit }) =>
      [...map]
        .filter(([id, { text }]) => id > after && text !== null)
        .map(([id, { text }]) => ({ id, size: Buffer.byteLength(text ?? '') }))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit),
  }
}

class Mine extends CustomStorage {
  constructor() {
    super(mapPlace())
  }
}

async function database() {
  const db = new (loadBetterSqlite())(join(await temporaryDirectory(), 'a.db'))
  onTestFinished(() => void db.close())
  return db
}

/** A logical database of its own: each page of a look is counted, and others fill the first one with keys. */
const DB = 13

const redis = () => {
  const client = new Redis({ port: inject('redisPort'), db: DB })
  onTestFinished(() => client.disconnect())
  return { client, prefix: `${randomUUID()}:` }
}

const WAYS: [string, () => Promise<Storage> | Storage, commits: boolean][] = [
  ['memory', () => new MemoryStorage(), false],
  ['files', async () => new FileStorage({ dir: await temporaryDirectory() }), true],
  ['SQLite, path', async () => new SQLiteStorage({ path: join(await temporaryDirectory(), 'a.db') }), true],
  ['SQLite, db native', async () => new SQLiteStorage({ db: await database() }), false],
  ['SQLite, db inline', async () => new SQLiteStorage({ db: await database(), mode: 'inline' }), false],
  ['Redis, own', () => new RedisStorage({ port: inject('redisPort'), db: DB, prefix: `${randomUUID()}:` }), true],
  ['Redis, ioredis native', () => new RedisStorage(redis()), false],
  ['Redis, ioredis inline', () => new RedisStorage({ ...redis(), mode: 'inline' }), false],
  ['a place of the user', () => new Mine(), false],
]

async function opened(open: () => Promise<Storage> | Storage) {
  const storage = await open()
  onTestFinished(() => storage.close())
  return storage
}

describe.each(WAYS)('%s', (_name, open, commits) => {
  it('counts what was done, how long it took, and how many bytes', async () => {
    const storage = await opened(open)
    const state = sample('a', { slots: { text: 'mañana 💬' } })
    await storage.save(state)
    await Promise.all([storage.save(state), storage.save(sample('b'))])
    for (let n = 0; n < 3; n++) await storage.load('a')
    expect(await storage.load('none')).toBe(null)
    await storage.has('a')
    await storage.touch('a')
    await storage.count()
    await storage.delete('b')
    await storage.load('').catch(() => {})
    await storage.save({} as ConversationState).catch(() => {})
    const stats = storage.stats()
    const calls = Object.fromEntries(Object.entries(stats.operations).map(([name, { calls }]) => [name, calls]))
    expect(calls).toEqual({
      save: 3,
      load: 4,
      has: 1,
      touch: 1,
      delete: 1,
      list: 0,
      count: 1,
      purge: 0,
      clear: 0,
      lock: 0,
      unlock: 0,
    })
    expect(Object.values(stats.operations).every(({ errors }) => errors === 0)).toBe(true)
    expect(stats).toMatchObject({
      saved: 2 * bytes(state) + bytes(sample('b')),
      loaded: 3 * bytes(state),
      waiting: 0,
      waitingBytes: 0,
      conflicts: 0,
      corrupt: 0,
      expired: 0,
    })
    const { p50, p90, p99, max } = stats.operations.load
    expect(p50).toBeGreaterThan(0)
    expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].sort((a, b) => a - b))
    expect(stats.operations.list).toEqual({ calls: 0, errors: 0, p50: 0, p90: 0, p99: 0, max: 0 })
    if (commits) expect(stats.commits.operations).toBeGreaterThanOrEqual(3)
  })

  it('counts what waits until it has ended', async () => {
    const storage = await opened(open)
    await storage.load('a')
    const saves = [1, 2, 3].map((n) => storage.save(sample(`c${n}`)))
    const { waiting, waitingBytes } = storage.stats()
    // Some ways are done within the call.
    expect(waitingBytes).toBe(waiting === 0 ? 0 : waiting * (2 + bytes(sample('c1'))))
    await Promise.all(saves)
    expect(storage.stats()).toMatchObject({ waiting: 0, waitingBytes: 0 })
  })

  it('counts locks, conditional writes and pages', async () => {
    const storage = await opened(open)
    await storage.withLock('a', () => storage.save(sample('a')))
    await storage
      .withLock('a', () => {
        throw new RangeError('mine')
      })
      .catch(() => {})
    await storage.update('a', (state) => void (state as ConversationState))
    await expect(storage.save(sample('a', { slots: { n: 1 } }), { ifMatch: null })).rejects.toThrow('exists already')
    await storage.delete('none', { ifMatch: null })
    await storage.purge({ olderThan: 3600 })
    await storage.clear({ all: true })
    const { operations, locks, conflicts } = storage.stats()
    expect(locks).toEqual({ done: 2, failed: 1, timeout: 0, aborted: 0, lost: 0 })
    expect(conflicts).toBe(1)
    expect(operations.lock.calls).toBeGreaterThanOrEqual(3)
    const calls = ['save', 'delete', 'purge', 'clear'].map((name) => operations[name as 'save'].calls)
    expect(calls).toEqual([2, 1, 1, 1])
  })
})

it('errors are counted, and what JavaScript finds corrupt', async () => {
  const dir = await temporaryDirectory()
  const storage = await opened(() => new FileStorage({ dir }))
  await writeFile(join(dir, 'a.json'), '{"no":')
  await expect(storage.load('a')).rejects.toThrow('Cannot load')
  expect(storage.stats()).toMatchObject({ corrupt: 1, operations: { load: { calls: 1, errors: 1 } } })
  const nowhere = await opened(() => new SQLiteStorage({ path: join(dir, 'a.json', 'a.db') }))
  await expect(nowhere.save(sample('a'))).rejects.toThrow('Cannot save')
  expect(nowhere.stats()).toMatchObject({ saved: 0, operations: { save: { calls: 1, errors: 1 } } })
})

it('commits tell how many operations shared one', async () => {
  const dir = await temporaryDirectory()
  for (const storage of [
    new SQLiteStorage({ path: join(dir, 'a.db') }),
    new FileStorage({ dir: join(dir, 'files') }),
    new RedisStorage({ port: inject('redisPort'), db: DB, prefix: `${randomUUID()}:` }),
  ]) {
    await opened(() => storage)
    await storage.load('none')
    await Promise.all(Array.from({ length: 200 }, (_, n) => storage.save(sample(`c${n}`))))
    const { count, operations, largest, p99 } = storage.stats().commits
    expect(operations).toBeGreaterThanOrEqual(200)
    expect(largest).toBeGreaterThan(1)
    expect(count).toBeLessThan(operations)
    expect(p99).toBeGreaterThan(0)
  }
})

it('a file that several storages share counts for each what is its own', async () => {
  const path = join(await temporaryDirectory(), 'a.db')
  const [one, two] = [await opened(() => new SQLiteStorage({ path })), await opened(() => new SQLiteStorage({ path }))]
  await Promise.all([one.save(sample('a')), two.save(sample('b')), two.save(sample('c'))])
  expect([one.stats().operations.save.calls, two.stats().operations.save.calls]).toEqual([1, 2])
  expect([one.stats().commits.operations, two.stats().commits.operations]).toEqual([1, 2])
})

it('memory tells how much it keeps, and what it forgot', async () => {
  const storage = new MemoryStorage({ maxConversations: 2 })
  for (const id of ['a', 'b', 'c']) await storage.save(sample(id))
  const kept = 2 * (1 + bytes(sample('a')))
  expect(storage.stats().memory).toEqual({ conversations: 2, bytes: kept, evicted: 1 })
  await storage.close()
  expect(storage.stats()).toMatchObject({ memory: { conversations: 0, bytes: 0 }, operations: { save: { calls: 3 } } })
})

it('snapshots tell what they take and how often they helped', async () => {
  const storage = new MemoryStorage()
  const history = Array.from({ length: 30 }, (_, n) => ({ role: 'user' as const, content: `${n} ${'x'.repeat(60)}` }))
  for (let n = 0; n < 4; n++) {
    history.push({ role: 'user', content: `more ${n}` })
    await storage.save(sample('a', { history }))
    await storage.load('a')
  }
  const { snapshots } = storage.stats()
  expect(snapshots?.conversations).toBe(1)
  expect(snapshots?.bytes).toBeGreaterThan(3 * 30 * 60)
  expect(snapshots?.hits).toBeGreaterThanOrEqual(4)
  expect(new MemoryStorage({ snapshots: 0 }).stats().snapshots).toBe(undefined)
})

it('what it returns is the own of whoever asked', () => {
  const storage = new MemoryStorage()
  storage.stats().locks.done = 99
  expect(storage.stats().locks.done).toBe(0)
})

it('Prometheus gets its metrics by the program of the page', async () => {
  const page = readFileSync(new URL('../docs/observability.md', import.meta.url), 'utf8')
  const code = /\/\/ metrics\.mjs\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  expect(code.trim().split('\n').length).toBeLessThanOrEqual(14)
  const register = new Registry()
  const storage = new MemoryStorage()
  const { Gauge, Counter } = promClient
  const own = (Class: typeof Gauge | typeof Counter) =>
    function build(options: object) {
      // biome-ignore lint/suspicious/noExplicitAny: the options of either
      return new Class({ ...options, registers: [register] } as any)
    }
  new Function('Gauge', 'Counter', 'storage', code.replace(/^import .*$/gm, ''))(own(Gauge), own(Counter), storage)
  await storage.save(sample('a'))
  await storage.save(sample('b'))
  await register.metrics()
  const text = await register.metrics()
  expect(text).toContain('flowkit_storage_operations_total{operation="save"} 2\n')
  expect(text).toContain('flowkit_storage_waiting 0\n')
  expect(text).toMatch(/flowkit_storage_p99_seconds\{operation="save"\} [\d.e-]+\n/)
})
