// One of several processes that save conversations just as they become old enough to be removed, while all remove.
import { openPlace, ready } from '../support/open.mjs'

const { place, name, olderThan, milliseconds } = JSON.parse(process.argv[2])
const storage = openPlace(place)
await ready(storage)
const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time))
const end = performance.now() + milliseconds
const counts = { saves: 0, checked: 0, lost: 0, removed: 0 }

/** Saves one conversation again and again, and looks whether it is there right behind the acknowledgement. */
async function keep(conversationId) {
  while (performance.now() < end) {
    const began = performance.now()
    await storage.save({ conversationId, saved: counts.saves++, updatedAt: Date.now() })
    const isThere = await storage.has(conversationId)
    // Later it may have been removed with good reason.
    if (performance.now() - began < olderThan * 900) {
      counts.checked++
      if (!isThere) counts.lost++
    }
    await sleep(olderThan * 1000 * (0.95 + Math.random() / 10))
  }
}

async function remove() {
  while (performance.now() < end) counts.removed += (await storage.purge({ olderThan })).removed
}

await Promise.all([remove(), ...Array.from({ length: 100 }, (_, number) => keep(`${name}-${number}`))])
await storage.close()
process.stdout.write(JSON.stringify(counts))
