// A storage on `node:sqlite`. Prints, as JSON, how it went.
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { SQLiteStorage } from '../../index.js'

const { path, options } = JSON.parse(process.argv[2])
const db = new DatabaseSync(path, options)
db.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL')
const storage = new SQLiteStorage({ db })
await storage.save({ conversationId: 'a', version: 1 })
const { mode, modeReason } = storage
for (let version = 0; version < 100; version++) storage.save({ conversationId: 'a', version })
db.exec('BEGIN')
const seen = JSON.parse(db.prepare('SELECT state FROM conversations').get().state).version
await storage.save({ conversationId: 'b' })
db.exec('ROLLBACK')
const undone = await storage.load('b')
const late = storage.save({ conversationId: 'c' }).then(
  () => 'done',
  ({ code }) => code,
)
db.close()
console.log(JSON.stringify({ mode, modeReason, seen, undone, late: await late, files: readdirSync(dirname(path)) }))
