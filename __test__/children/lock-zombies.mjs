// One of several processes at one conversation. A writer adds an entry of its own, again and again, to what is stored. The
// other one deletes it, and looks for entries that it has deleted: prints how often it deleted, and how often one came back.
import { rmSync } from 'node:fs'

import { openPlace, ready } from '../support/open.mjs'

/** `remove` is a file that is removed past the adapter, in place of a delete. */
const { place, role, name, milliseconds, remove, enough } = JSON.parse(process.argv[2])
const storage = openPlace(place)
await ready(storage)
const end = performance.now() + milliseconds

async function write(number) {
  const { state, etag } = await storage.loadEntry('u')
  const log = [...(state?.slots.log.slice(-50) ?? []), `${name}:${number}`]
  await storage.save({ conversationId: 'u', slots: { log } }, { ifMatch: etag }).catch((error) => {
    if (error.code !== 'ERR_STORAGE_CONFLICT') throw error
  })
}

const dead = new Set()
const report = { deletes: 0, zombies: 0 }
const isBack = (state) => state?.slots.log.some((entry) => dead.has(entry)) === true

async function erase() {
  const before = await storage.load('u')
  if (before === null) return
  if (remove) rmSync(remove, { force: true })
  else await storage.delete('u')
  report.deletes++
  for (const entry of before.slots.log) dead.add(entry)
  for (let look = 0; look < 5; look++) {
    if (!isBack(await storage.load('u'))) continue
    report.zombies++
    // What is back is deleted once more, not counted once more.
    await storage.delete('u')
    return
  }
}

for (let number = 0; performance.now() < end && !(enough <= report.zombies); number++) {
  await (role === 'write' ? write(number) : erase())
}
console.log(JSON.stringify(report))
await storage.close()
