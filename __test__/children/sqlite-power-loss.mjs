// Runs under strace. Says on stderr what it tries and what was acknowledged, so that both stand in the trace. Between saves it
// takes locks and gives them back: SQLite commits those without a sync.
import { writeSync } from 'node:fs'

import { openPlace } from '../support/open.mjs'
import { versioned } from '../support/versions.mjs'

const { place, rounds } = JSON.parse(process.argv[2])
const storage = openPlace(place)
const mark = (word, id, version) => writeSync(2, `MARK ${word} ${id} ${version}\n`)

async function put(id, version, write) {
  mark('try', id, version)
  await write(versioned(id, version))
  mark('ack', id, version)
}

const save = (id, version) => put(id, version, (state) => storage.save(state))
const update = (id, version) => put(id, version, (state) => storage.update(id, () => state))

// What makes the files and the tables is not looked at.
await save('first', 1)
await update('first', 2)
mark('begin', '-', 0)
for (let round = 1; round <= rounds; round++) {
  await save('plain', round)
  await storage.withLock('other', () => {})
  await update('locked', round)
  // In one batch with what belongs to a lock.
  await Promise.all([save('plain', 100 + round), storage.withLock('other', () => {}), update('locked', 100 + round)])
  // A lock is taken and given back behind what is acknowledged, and nothing else comes.
  await storage.withLock('other', () => {})
}
mark('end', '-', 0)
await storage.close()
