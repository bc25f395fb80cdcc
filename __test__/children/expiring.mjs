// One of several processes that save conversations at about the time when they expire, while all of them remove what has expired.
// Ends with one line of JSON: how much it saved and removed, and what was acknowledged and is lost.
import { setTimeout as sleep } from 'node:timers/promises'

import { openPlace } from '../support/open.mjs'

/** `place` has a `ttl` of 1 second. `count` saves, of so many `ids`. */
const { place, name, count, ids } = JSON.parse(process.argv[2])
const TTL = 1_000
const storage = openPlace(place)
const lost = []
let saved = 0
let removed = 0
let refused = 0
let ended = false

/** Looks for what was saved, and notes it as lost unless it may have expired. `begun`: before the save was called. */
async function check(id, n, begun) {
  const state = await storage.load(id)
  if (performance.now() - begun < TTL - 50 && state?.slots.n !== n) lost.push({ id, n, found: state?.slots.n ?? null })
}

/** Returns whether the operation succeeded; false if others kept it from the database for too long. */
async function isDone(operation) {
  try {
    await operation
    return true
  } catch (error) {
    if (error.code !== 'ERR_STORAGE_UNAVAILABLE') throw error
    refused++
    return false
  }
}

async function keepSaving(id) {
  while (saved < count) {
    const n = ++saved
    const begun = performance.now()
    // What is refused is not acknowledged.
    if (!(await isDone(storage.save({ conversationId: id, slots: { n } })))) continue
    await check(id, n, begun)
    const rest = begun + TTL * (0.85 + Math.random() * 0.3) - performance.now()
    await sleep(Math.max(0, rest))
    await check(id, n, begun)
  }
}

async function sweep() {
  while (!ended) {
    const purge = storage.purge({ olderThan: TTL / 1_000 })
    if (await isDone(purge)) removed += (await purge).removed
    await sleep(20)
  }
}

const sweeping = sweep()
await Promise.all(Array.from({ length: ids }, (_, n) => keepSaving(`${name}-${n}`)))
ended = true
await sweeping
await storage.close()
console.log(JSON.stringify({ saved, removed, refused, lost }))
