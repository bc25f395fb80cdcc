// One of many processes that save, load and delete the same few conversations, until they are told to stop.
import { existsSync } from 'node:fs'

import { openPlace } from '../support/open.mjs'
import { versioned, versionOf } from '../support/versions.mjs'

/** No two processes save the same version of anything. */
const { place, ids, number, stop } = JSON.parse(process.argv[2])
const storage = openPlace(place)
const report = { saves: 0, loads: 0, deletes: 0, locked: 0, versions: [] }
/** The operations that still follow: they show that those who are left can go on. */
const LAST_TURNS = 20
process.stdout.write('ready\n')

async function act(id, turn) {
  if (turn % 20 === 19) {
    await storage.delete(id)
    report.deletes++
  } else if (turn % 2 === 0) {
    await storage.save(versioned(id, number * 1_000_000 + turn + 1))
    report.saves++
  } else {
    // Throws where it is not one whole state, as some process saved it.
    const version = versionOf(id, await storage.load(id))
    const writer = Math.floor(version / 1_000_000)
    if (version !== 0 && writer !== number && !report.versions.includes(writer)) report.versions.push(writer)
    report.loads++
  }
}

async function serve(id) {
  let left = LAST_TURNS
  for (let turn = 0; left > 0; turn++) {
    if (existsSync(stop)) left--
    await act(id, turn).catch((error) => {
      // Eight processes at one lock: whoever waits 5 s for it is told so. Anything else is a fault.
      if (error.cause?.code !== 'SQLITE_BUSY') throw error
      report.locked++
    })
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 6))
  }
}

await Promise.all(ids.map(serve))
await storage.close()
process.stdout.write(`${JSON.stringify(report)}\n`)
