// A worker that alone uses better-sqlite3 ends in the middle of a transaction, so that its close does not wait for our
// writer. Prints the storage's mode, and afterwards whether better-sqlite3 is still in memory.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

import { SQLiteStorage } from '../../index.js'
import { loadBetterSqlite } from '../support/open.mjs'

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: JSON.parse(process.argv[2]) })
  // Both are waited for from the beginning: on a busy machine the worker may be gone once its message is read.
  const [[mode]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
  console.log(mode, /better[-_]sqlite3.*\.node$/m.test(readFileSync('/proc/self/maps', 'utf8')))
} else {
  const db = new (loadBetterSqlite())(workerData.path)
  const storage = new SQLiteStorage({ db })
  await storage.save({ conversationId: 'a' })
  // Within the transaction the next operation would travel inline.
  const { mode } = storage
  db.exec('BEGIN')
  parentPort.postMessage(mode)
}
