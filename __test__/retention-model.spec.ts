// One model of expiry, ages and lists, against every adapter. Time moves by making everything that is stored older.
import { randomUUID } from 'node:crypto'
import { readdir, stat, utimes } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, inject, it, vi } from 'vitest'

import { type ConversationState, FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { randomFrom } from './support/chaos.js'
import { loadBetterSqlite } from './support/open.mjs'
import { runSql, temporaryDirectory } from './support/subjects.js'

const { MemoryHandle, StorageHandle } = createRequire(import.meta.url)(
  '../lib/binding.js',
) as typeof import('../binding.js')

const { sample } = samples

/** Seconds. Every step of time is a multiple of 100, so that no age is near a limit. */
const TTL = 1_050
const STEPS = Number(process.env.FLOWKIT_MODEL_STEPS ?? 300)
const SEEDS = Number(process.env.FLOWKIT_MODEL_SEEDS ?? 2)

const OLDER = 'UPDATE conversations SET updated_at = updated_at - ?'

interface Options {
  ttl: number
  refreshOnLoad: boolean
}

type Storage = MemoryStorage | FileStorage | RedisStorage | SQLiteStorage

interface Place {
  storage: Storage
  /** Makes everything older, by seconds. */
  age(seconds: number): unknown
}

const PLACES: { [name: string]: (options: Options) => Promise<Place> } = {
  async memory(options) {
    const real = Date.now
    let offset = 0
    vi.spyOn(Date, 'now').mockImplementation(() => real() + offset)
    const age = (seconds: number) => {
      offset += seconds * 1_000
    }
    return { storage: new MemoryStorage(options), age }
  },
  async files(options) {
    const dir = join(await temporaryDirectory(), 'states')
    const age = async (seconds: number) => {
      // Those of locks come and go.
      for (const name of (await readdir(dir).catch(() => [])).filter((name) => !name.startsWith('.'))) {
        const { mtimeMs } = await stat(join(dir, name))
        await utimes(join(dir, name), new Date(), new Date(mtimeMs - seconds * 1_000))
      }
    }
    return { storage: new FileStorage({ dir, durable: false, ...options }), age }
  },
  async 'sqlite { path }'(options) {
    const path = join(await temporaryDirectory(), 'states.db')
    const storage = new SQLiteStorage({ path, ...options })
    await storage.count()
    // In a process of its own on macOS, where two copies of SQLite must not open one file in ours.
    if (process.platform === 'darwin') return { storage, age: (seconds) => runSql(path, OLDER, seconds * 1_000) }
    const older = new (loadBetterSqlite())(path).prepare(OLDER)
    return { storage, age: (seconds) => older.run(seconds * 1_000) }
  },
  'sqlite { db }': (options) => database({ ...options, mode: 'auto' }),
  'sqlite { db, mode: inline }': (options) => database({ ...options, mode: 'inline' }),
  'redis { host, port }': (options) =>
    redis((rest) => new RedisStorage({ port: inject('redisPort'), ...rest }), options),
  'redis { client }': (options) => redis((rest, client) => new RedisStorage({ client, ...rest }), options),
  'redis { client, mode: inline }': (options) =>
    redis((rest, client) => new RedisStorage({ client, mode: 'inline', ...rest }), options),
}

async function database(options: Options & { mode: 'auto' | 'inline' }): Promise<Place> {
  const db = new (loadBetterSqlite())(join(await temporaryDirectory(), 'states.db'))
  db.pragma('journal_mode = WAL')
  const storage = new SQLiteStorage({ db, ...options })
  await storage.count()
  const older = db.prepare(OLDER)
  return { storage, age: (seconds) => older.run(seconds * 1_000) }
}

async function redis(
  open: (options: Options & { prefix: string }, client: Redis) => RedisStorage,
  options: Options,
): Promise<Place> {
  const prefix = `${randomUUID()}:`
  const client = new Redis(inject('redisPort'))
  const age = async (seconds: number) => {
    for (const key of await client.keys(`${prefix}*`)) {
      const left = await client.pttl(key)
      if (left >= 0) await client.pexpire(key, left - seconds * 1_000)
    }
  }
  return { storage: open({ ...options, prefix }, client), age }
}

/** What is right. Times are in seconds. */
class Model {
  #now = 0
  #kept = new Map<string, { n: number; at: number }>()

  constructor(readonly options: Options) {}

  get(id: string) {
    const one = this.#kept.get(id)
    return one !== undefined && this.#now - one.at < this.options.ttl ? one : undefined
  }

  save(id: string, n: number) {
    this.#kept.set(id, { n, at: this.#now })
  }

  touch(id: string) {
    const one = this.get(id)
    if (one !== undefined) one.at = this.#now
    return one !== undefined
  }

  load(id: string) {
    if (this.options.refreshOnLoad) this.touch(id)
    return this.get(id)?.n ?? null
  }

  delete(id: string) {
    this.#kept.delete(id)
  }

  pass(seconds: number) {
    this.#now += seconds
  }

  ids(prefix: string) {
    return [...this.#kept.keys()].filter((id) => id.startsWith(prefix) && this.get(id) !== undefined).sort()
  }

  /** Removes; where expired ones are still kept, they count. Returns which that are not expired. */
  purge(olderThan: number, prefix: string, dryRun: boolean) {
    const old = this.ids(prefix).filter((id) => this.#now - (this.get(id)?.at ?? 0) > olderThan)
    if (!dryRun) for (const id of old) this.#kept.delete(id)
    return old.length
  }
}

const IDS = ['a', 'A', 'a:1', 'a:2', 'b[1]', 'b*', 'c/d', '💬']

/** The operations of a run. */
const ALL = Array.from({ length: 12 }, (_, does) => does)
/** More loads. No purge, which forgets all that is remembered, and no lock, under which nothing is (`docs/snapshots.md`). */
const SHORT = [0, 1, 2, 3, 4, 4, 4, 4, 5, 6, 9, 11]

type MakeState = (id: string, n: number) => ConversationState

const makeSmall: MakeState = (id, n) => sample(id, { slots: { n } })

/** Returns a maker of states whose histories grow. */
function makeLong(): MakeState {
  const histories = new Map<string, ConversationState['history']>()
  return (id, n) => {
    const history = histories.get(id) ?? Array.from({ length: 20 }, (_, at) => entry(`${at} ${'x'.repeat(60)}`))
    histories.set(id, [...history, entry(`${n}`)])
    return sample(id, { slots: { n }, history: histories.get(id) })
  }
}

const entry = (content: string) => ({ role: 'user' as const, content })

async function run(place: Place, options: Options, seed: number, make: MakeState, ids: string[], operations: number[]) {
  const saved = new Map<string, string>()
  const stateOf: MakeState = (id, n) => {
    const state = make(id, n)
    saved.set(`${id} ${n}`, JSON.stringify(state))
    return state
  }
  const { storage, age } = place
  const model = new Model(options)
  const random = randomFrom(seed)
  const pick = <T>(among: readonly T[]) => among[Math.floor(random() * among.length)] as T
  const nOf = (state: unknown) => (state as { slots: { n: number } } | null)?.slots.n ?? null
  for (let step = 0; step < STEPS; step++) {
    const id = pick(ids)
    const prefix = pick(['', 'a', 'a:', 'b[', 'b*', 'x'])
    const where = `seed ${seed}, step ${step}`
    const does = pick(operations)
    if (does < 3) {
      model.save(id, step)
      await storage.save(stateOf(id, step))
    } else if (does === 3) expect(await storage.touch(id), where).toBe(model.touch(id))
    else if (does === 4) {
      const n = model.load(id)
      const state = await storage.load(id)
      expect(state && JSON.stringify(state), where).toBe(n === null ? null : saved.get(`${id} ${n}`))
    } else if (does === 5) expect(await storage.has(id), where).toBe(model.get(id) !== undefined)
    else if (does === 6) {
      model.delete(id)
      await storage.delete(id)
    } else if (does === 7) {
      const found: string[] = []
      for await (const one of storage.list({ prefix })) found.push(one.id)
      expect(found.sort(), where).toEqual(model.ids(prefix))
      expect(await storage.count({ prefix }), where).toBe(found.length)
    } else if (does === 8) {
      const olderThan = pick([150, 450, 950])
      const dryRun = random() < 0.3
      // The expired ones may be there still, or not.
      const before = await storage.count()
      const removed = model.purge(olderThan, prefix, dryRun)
      await storage.purge({ olderThan, prefix, dryRun })
      expect(await storage.count(), where).toBe(dryRun ? before : before - removed)
    } else if (does === 9) {
      const isFree = model.get(id) === undefined
      if (isFree) model.save(id, step)
      const saved = storage.save(stateOf(id, step), { ifMatch: null })
      if (isFree) await saved
      else await expect(saved, where).rejects.toMatchObject({ code: 'ERR_STORAGE_CONFLICT' })
    } else if (does === 10) {
      const n = model.get(id)?.n ?? null
      if (options.refreshOnLoad) model.touch(id)
      const updated = await storage.update(id, (state) => {
        expect(nOf(state), where).toBe(n)
        return stateOf(id, step)
      })
      model.save(id, step)
      expect(nOf(updated), where).toBe(step)
    } else {
      const seconds = pick([100, 200, 500, 1_100])
      model.pass(seconds)
      await age(seconds)
    }
  }
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe.each(Object.keys(PLACES))('%s', (name) => {
  it.each([false, true])('keeps and forgets as the model does (refreshOnLoad: %s)', async (refreshOnLoad) => {
    const options = { ttl: TTL, refreshOnLoad }
    for (let seed = 1; seed <= SEEDS; seed++) {
      const place = await (PLACES[name] as (options: Options) => Promise<Place>)(options)
      await run(place, options, seed, makeSmall, IDS, ALL)
      await place.storage.close()
      vi.restoreAllMocks()
    }
  })

  it.each([false, true])(
    'does so where entries of histories are remembered (refreshOnLoad: %s)',
    async (refreshOnLoad) => {
      const options = { ttl: TTL, refreshOnLoad }
      const place = await (PLACES[name] as (options: Options) => Promise<Place>)(options)
      const native = name === 'memory' ? MemoryHandle.prototype : StorageHandle.prototype
      const loads = vi.spyOn(native, 'loadShort')
      const saves = vi.spyOn(native, 'saveShort')
      await run(place, options, 3, makeLong(), IDS.slice(0, 3), SHORT)
      const seen = [loads, saves].map(({ mock }) => (mock.calls.length > 5 ? 'often' : 'never'))
      // Beside an object of the user, some travel whole, or within the call on another connection.
      if (name.includes('inline')) expect(seen).toEqual(['never', 'never'])
      else if (!/client|db/.test(name)) expect(seen).toEqual(['often', 'often'])
      await place.storage.close()
    },
  )
})
