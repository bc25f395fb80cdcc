// Copies a database of `node:sqlite` while a storage on it saves after each step. Prints, as JSON, how it went.
import { backup, DatabaseSync } from 'node:sqlite'

import { SQLiteStorage } from '../../index.js'

const { path } = JSON.parse(process.argv[2])
const STEP = 20
const db = new DatabaseSync(path, { allowExtension: true })
db.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
const storage = new SQLiteStorage({ db })
const text = 'x'.repeat(40_000)
await Promise.all([...Array(100).keys()].map((index) => storage.save({ conversationId: `c${index}`, text })))

const saves = []
const modes = new Set()
let failure
let total = 0
await backup(db, `${path}.copy`, {
  rate: STEP,
  progress({ totalPages }) {
    total = totalPages
    modes.add(storage.mode)
    saves.push(storage.save({ conversationId: 'c0', step: saves.length }))
    if (saves.length > 20 * (totalPages / STEP)) throw new Error('it does not end')
  },
}).catch(({ message }) => {
  failure = message
})
await Promise.all(saves)
const after = storage.mode
console.log(JSON.stringify({ failure, modes: [...modes], after, steps: saves.length, totalPages: total, step: STEP }))
