// Constructs storages on databases that must be refused. Prints, as JSON, what was thrown.
import { linkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { SQLiteStorage } from '../../index.js'

const { dir, modules } = JSON.parse(process.argv[2])
const require = createRequire(join(modules, '..', 'x.js'))
const place = (name) => join(dir, `${name}.db`)

const thrown = async (action) => {
  try {
    await action()
    return 'nothing'
  } catch ({ code, message }) {
    return `${code} ${message}`
  }
}
const construct = (db) => thrown(() => new SQLiteStorage({ db }))

const closed = new DatabaseSync(place('closed'))
closed.close()

const later = new DatabaseSync(place('later'))
const storage = new SQLiteStorage({ db: later })
later.close()
const operations = [storage.save({ conversationId: 'a' }), storage.save({ conversationId: 'b' }), storage.load('a')]
const ended = await Promise.allSettled(operations)

const constructed = {
  'sql.js': await construct(new (await require('sql.js')()).Database()),
  'node-sqlite3-wasm': await construct(new (require('node-sqlite3-wasm').Database)(place('wasm'))),
  closed: await construct(closed),
  'never opened': await construct(new DatabaseSync(place('unopened'), { open: false })),
  'closed later': ended.map(({ reason }) => reason?.code),
}

// One file under two names, which is refused on every system: ours was first.
const path = place('guarded')
const ours = new SQLiteStorage({ path })
await ours.save({ conversationId: 'a' })
linkSync(path, `${path}.hardlink`)
const db = new DatabaseSync(`${path}.hardlink`, { returnArrays: true })
const guarded = await thrown(() => new SQLiteStorage({ db }).save({ conversationId: 'b' }))
await ours.close()

console.log(JSON.stringify({ constructed, guarded }))
