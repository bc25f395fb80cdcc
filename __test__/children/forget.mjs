// One of several processes that save, touch and age conversations of their own, while each of them removes what is old from all.
// Ends with one line of JSON: what was acknowledged and is not there, and how much was done.
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Shim } from '../support/disk-shim.mjs'
import { openPlace, ready } from '../support/open.mjs'

/** Seconds. */
const TTL = 60

/** `withoutLocks` runs under the shim, on a file system without file locks. */
const { place, name, conversations, rounds, withoutLocks } = JSON.parse(process.argv[2])
const { dir, extension } = place.options
const open = (ttl) => openPlace({ ...place, options: { ...place.options, ttl, sweep: false } })
const [storage, everlasting] = [open(TTL), open(0)]
await ready(storage)
const shim = withoutLocks ? new Shim() : undefined
shim?.arm({ first: 1, count: 1_000_000_000, error: 'ENOLCK', kinds: ['lock'] })

const report = { lost: [], saves: 0, touches: 0, removed: 0 }

/** Without locks, a file is away for a moment while its age is looked at. */
async function isThere(id, n) {
  for (let attempt = 0; attempt < (withoutLocks ? 50 : 1); attempt++) {
    if (attempt > 0) await sleep(10)
    if ((await storage.load(id))?.slots.n === n) return true
  }
  return false
}

async function age(id) {
  const old = Date.now() / 1_000 - 2 * TTL
  // Removed already.
  await utimes(join(dir, id + extension), old, old).catch(() => {})
}

async function live(id) {
  for (let n = 0; n < rounds; n++) {
    await storage.save({ conversationId: id, slots: { n } })
    report.saves++
    if (!(await isThere(id, n))) report.lost.push(`save ${id} ${n}`)
    await age(id)
    if (n % 2 === 0) continue
    if (!(await everlasting.touch(id))) continue
    report.touches++
    if (!(await isThere(id, n))) report.lost.push(`touch ${id} ${n}`)
    await age(id)
  }
}

let isBusy = true
async function purge() {
  while (isBusy) report.removed += (await storage.purge({ olderThan: TTL })).removed
}

const purging = purge()
await Promise.all(Array.from({ length: conversations }, (_, index) => live(`${name}-${index}`)))
isBusy = false
await purging
shim?.close()
console.log(JSON.stringify(report))
