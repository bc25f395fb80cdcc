// Runs under strace. Does turns without a lock and with one, and says on stderr when it begins and ends with each.
import { execFileSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { openPlace } from '../support/open.mjs'

const { place, count } = JSON.parse(process.argv[2])
const storage = openPlace(place)

/** What is not waited for, as the end of a lock, is over. Another process copies the WAL: to close it here would drop its locks. */
async function mark(word) {
  await sleep(100)
  await storage.load('nobody')
  if (place.options.path) execFileSync('cp', [`${place.options.path}-wal`, `${place.options.path}-wal.${word}`])
  writeSync(2, `MARK ${word}\n`)
}

async function turn() {
  const state = await storage.load('u')
  await storage.save({ ...state, n: state.n + 1 })
}

const LOCKED = {
  lock: () => storage.withLock('u', turn),
  update: () => storage.update('u', (state) => void state.n++),
}

await storage.save({ conversationId: 'u', n: 0 })
for (const locked of [turn, ...Object.values(LOCKED)]) await locked()
await mark('begin')
for (const [word, act] of Object.entries({ plain: turn, ...LOCKED })) {
  for (let number = 0; number < count; number++) {
    await act()
    // One turn after another, and not one that hands the lock to the next.
    await sleep(5)
  }
  await mark(word)
}
await mark('burst-begin')
await Promise.all(Array.from({ length: count }, LOCKED.lock))
await mark('burst')
await storage.close()
