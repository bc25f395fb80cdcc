// Many operations on one adapter, refusals of every kind included; prints what the process holds before and afterwards.
// Started with --expose-gc.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { Redis } from 'ioredis'

import { RedisStorage, SQLiteStorage } from '../../index.js'
import { openPlace } from '../support/open.mjs'

const { kind, place, operations, corrupt, act = 'operate' } = JSON.parse(process.argv[2])

const owned = []
function make() {
  if (kind === 'sqlite { db } inline')
    return new SQLiteStorage({ db: owned[0] ?? keep(new Database(':memory:')), mode: 'inline' })
  if (kind === 'sqlite { db } native')
    return new SQLiteStorage({ db: owned[0] ?? keep(new Database(place.options.path)) })
  if (kind === 'redis { client }') {
    return new RedisStorage({ client: owned[0] ?? keep(new Redis(place.options.port)), prefix: place.options.prefix })
  }
  return openPlace(place)
}
function keep(one) {
  owned.push(one)
  return one
}

const circle = { conversationId: 'circle' }
circle.circle = circle
const history = Array.from({ length: 10 }, (_, index) => ({ role: 'user', content: `line ${index} é 💬` }))

/** One operation, by its number. Every id is one of a few, so that what is stored does not grow. */
function operate(storage, number) {
  const id = `user-${number % 200}`
  switch (number % 10) {
    case 0:
    case 1:
    case 2:
      return storage.save({ conversationId: id, slots: { number }, history })
    case 3:
    case 4:
      return storage.load(id)
    case 5:
      return storage.delete(id)
    case 6:
      return storage.save(circle)
    case 7:
      return storage.load(number % 20 === 7 ? '' : 'x'.repeat(2000))
    case 8:
      return storage.load(corrupt)
    default:
      return storage.save({ conversationId: id, slots: { big: 10n } })
  }
}

const EXPECTED = /^ERR_STORAGE_(INVALID_ID|INVALID_STATE|CORRUPT|CLOSED|CONFLICT|TIMEOUT)$/
const MODEL = Object.assign(new Error('the model'), { code: 'ERR_STORAGE_CLOSED' })

/** One turn, by its number: some are refused, not begun, given up, thrown away, or nested. */
function turn(storage, number) {
  const id = `user-${number % 50}`
  const state = { conversationId: id, slots: { number }, history }
  const add = () => storage.update(id, (found) => ({ ...(found ?? state), number }))
  switch (number % 10) {
    case 0:
      return storage.withLock(id, () => storage.load(id), { wait: 0 })
    case 1:
      return storage.withLock(id, () => Promise.reject(MODEL))
    case 2:
      return storage.withLock(id, () => Promise.all([add(), add()]))
    case 3:
      return storage.save(state, { ifMatch: null })
    case 4:
      return storage.withLock(id, () => {}, { signal: AbortSignal.abort(MODEL) })
    case 5:
      return storage.withLock(id, () => new Promise((resolve) => setImmediate(resolve)), { hold: 1 })
    case 6:
      return storage.update(id, () => (number % 100 === 6 ? null : undefined))
    case 7:
      return storage.withLock(corrupt, () => storage.load(corrupt))
    case 8:
      return storage.withLock(id, async () => {
        await storage.load(id)
        void storage.save(state)
      })
    default:
      return add()
  }
}
const one = { operate, turn }[act]

let refused = 0
let storage = make()

async function run(from, to) {
  for (let number = from; number < to; number += 100) {
    const batch = Array.from({ length: 100 }, (_, index) => one(storage, number + index))
    for (const { status, reason } of await Promise.allSettled(batch)) {
      if (status === 'fulfilled') continue
      if (!EXPECTED.test(reason.code)) throw reason
      refused++
    }
    // Storages come and go, too.
    if (number % 5_000 === 0) {
      const old = storage
      await old.close()
      await old.load('x').catch(() => refused++)
      // What is in memory is gone with it, the others find everything again.
      storage = make()
    }
  }
}

/** Longer than an idle connection beside the user's stays open, in ms: whether one is, is a matter of the moment. */
const IDLE_MS = 1500

async function measure() {
  if (kind === 'sqlite { db } native') await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  // What was dropped is only released once the collector has run, and the event loop after that.
  for (let round = 0; round < 3; round++) {
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const status = readFileSync('/proc/self/status', 'utf8')
  const kilobytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1])
  return {
    rss: kilobytes('RssAnon') / 1024,
    descriptors: readdirSync('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length,
    heap: process.memoryUsage().heapUsed / 1024 / 1024,
  }
}

await run(0, Math.max(act === 'turn' ? 1_000 : 10_000, operations / 10))
const before = await measure()
await run(0, operations)
const after = await measure()
const [internal] = Object.getOwnPropertySymbols(storage)
const locked = storage[internal].locks?.size ?? 0
await storage.close()
for (const one of owned) await (one.quit?.() ?? one.close())
writeFileSync(1, JSON.stringify({ kind, operations, refused, before, after, locked }))
