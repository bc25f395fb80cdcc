// Another process, to which nothing fails: prints the content of a place, as often as it is asked. One line of JSON in,
// one out.
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'

import { openPlace } from '../support/open.mjs'
import { versionOf } from '../support/versions.mjs'

async function look({ place, id }) {
  if (place.adapter !== 'file') {
    const db = new Database(place.options.path)
    const integrity = db.pragma('integrity_check', { simple: true })
    db.close()
    if (integrity !== 'ok') throw new Error(`integrity_check: ${integrity}`)
  }
  const storage = openPlace(place.adapter === 'file' ? place : { adapter: 'sqlite', options: place.options })
  const version = versionOf(id, await storage.load(id))
  await storage.close()
  return { version }
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await look(JSON.parse(line)).catch((error) => ({ error: String(error) }))
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
