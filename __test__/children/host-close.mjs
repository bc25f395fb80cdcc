// Saves without waiting, closes the database, and ends in the way that is asked for.
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

import { SQLiteStorage } from '../../index.js'

const { path, journal, ending, count } = isMainThread ? JSON.parse(process.argv[2]) : workerData

if (isMainThread && ending.startsWith('worker')) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { path, journal, ending, count } })
  if (ending === 'worker, terminated') worker.once('message', () => worker.terminate())
  await new Promise((resolve, reject) => worker.on('error', reject).on('exit', resolve))
  console.log(readdirSync(dirname(path)).join())
} else {
  const db = new Database(path)
  db.pragma(`journal_mode = ${journal}`)
  const storage = new SQLiteStorage({ db })
  await storage.load('nobody')
  if (ending === 'function, exit') {
    // Our connection does not have the function.
    db.function('mine', () => 1)
    db.exec('CREATE TABLE log (x)')
    db.exec('CREATE TRIGGER t AFTER INSERT ON conversations BEGIN INSERT INTO log VALUES (mine()); END')
  }
  for (let index = 0; index < count; index++) storage.save({ conversationId: `c${index}` }).catch(() => {})
  if (ending === 'close' || ending === 'worker, close') db.close()
  if (ending === 'close') console.log(readdirSync(dirname(path)).join())
  if (ending === 'throw') throw new Error('thrown on purpose')
  if (ending.endsWith('exit')) process.exit(0)
  if (ending === 'worker, terminated') {
    const { parentPort } = await import('node:worker_threads')
    parentPort.postMessage('saved')
    setInterval(() => {}, 1000)
  }
}
