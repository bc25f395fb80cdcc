// Meets a fault on purpose and prints, as one line of JSON, what the adapter made of it.
import { chmodSync, chownSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

import { openPlace } from '../support/open.mjs'
import { versioned, versionOf } from '../support/versions.mjs'

const { place, fault, dir } = JSON.parse(process.argv[2])
const outcome = (promise) =>
  promise.then(
    () => 'done',
    ({ name, code, retryable, cause, message }) => ({ name, code, retryable, cause: cause?.code, message }),
  )

const storage = openPlace(place)
const report = {}

if (fault === 'full disk') {
  // What another program takes up, and gives back later. (Deleting conversations needs room itself: a journal grows.)
  writeFileSync(`${dir}/filler`, Buffer.alloc(500_000))
  await storage.save(versioned('early', 1))
  let number = 0
  do {
    number++
    const large = { conversationId: `large-${number}`, slots: { text: `${number} `.repeat(40_000) } }
    report.refused = await outcome(storage.save(large))
  } while (report.refused === 'done' && number < 200)
  report.early = versionOf('early', await storage.load('early'))
  report.overwrite = await outcome(storage.save({ ...versioned('early', 2), slots: { text: 'x'.repeat(200_000) } }))
  report.stillEarly = versionOf('early', await storage.load('early'))
  rmSync(`${dir}/filler`)
  report.afterwards = await outcome(storage.save(versioned('early', 3)))
  report.late = versionOf('early', await storage.load('early'))
} else {
  // Not as root, to whom nothing is denied. Everything is loaded by now, so nobody else need be able to read it.
  await storage.save(versioned('early', 1))
  await storage.close()
  chmodSync(dir, 0o555)
  if (place.adapter === 'sqlite') chmodSync(place.options.path, 0o444)
  if (process.getuid() === 0) {
    chmodSync(dirname(dir), 0o755)
    for (const path of [dir, place.options.path].filter(Boolean)) chownSync(path, 65_534, 65_534)
    process.setegid(65_534)
    process.seteuid(65_534)
  }
  const denied = openPlace(place)
  report.save = await outcome(denied.save(versioned('early', 2)))
  report.other = await outcome(denied.save(versioned('other', 1)))
  report.delete = await outcome(denied.delete('early'))
}
writeFileSync(1, `${JSON.stringify(report)}\n`)
