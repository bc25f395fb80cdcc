// One of several writers on one file: counts by statements of its own, and saves conversations, both as fast as it can.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

import { SQLiteStorage } from '../../index.js'

const { path, name, count, worker } = isMainThread ? JSON.parse(process.argv[2]) : workerData
// Six connections compete without pause, and SQLite's locks are not fair.
const db = new Database(path, { timeout: 60_000 })
const other = worker && new Worker(new URL(import.meta.url), { workerData: { path, name: worker, count } })
const otherEnds = other && new Promise((resolve, reject) => other.on('error', reject).on('exit', resolve))

const storage = new SQLiteStorage({ db })
await storage.load('nobody')
if (storage.mode !== 'native') throw new Error(storage.modeReason)
const increment = db.prepare('UPDATE counter SET n = n + 1')
const insert = db.prepare('INSERT INTO log VALUES (?, ?)')
const both = db.transaction((number) => {
  increment.run()
  insert.run(name, number)
})

const saves = []
for (let number = 0; number < count; number++) {
  saves.push(storage.save({ conversationId: `${name}-${number}`, slots: { text: 'x'.repeat(number % 700) } }))
  // Both ways of the user: a transaction that writes at once, and two statements.
  if (number % 2 === 0) both.immediate(number)
  else {
    increment.run()
    insert.run(name, number)
  }
  if (number % 8 === 0) await new Promise((resolve) => setImmediate(resolve))
}
await Promise.all(saves)
await otherEnds
db.close()
if (isMainThread) console.log('done')
else parentPort.close()
