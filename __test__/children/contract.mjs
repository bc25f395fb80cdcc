// Runs the contract by the test runner of the Node.js it is started with, on a SQLite of that Node.js's own.
import assert from 'node:assert/strict'
import { openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { SQLiteStorage } from '../../index.js'
import testing from '../../testing/index.js'

// `dir`: where the databases are made; without it they are in memory. `options`: of node:sqlite. `pragmas`: run on each. `mode`,
// `reason`: what the storages must turn out to be, and what the reason must contain.
const given = JSON.parse(process.argv[2])
const { kind, module, dir, options = { allowExtension: true }, pragmas = [], mode, reason = '', ...contract } = given
const require = createRequire(import.meta.url)

let serial = 0
function open() {
  const path = dir === undefined ? ':memory:' : join(dir, `${serial++}.db`)
  if (kind === 'node:sqlite') return new (require('node:sqlite').DatabaseSync)(path, options)
  const Database = require(module)
  if (kind === 'better-sqlite3') return new Database(path)
  // A file descriptor.
  return new Database(openSync(path, 'w+'), { journalFd: openSync(`${path}-journal`, 'w+') })
}

const databases = new WeakMap()
testing.runStorageContract(
  (options) => {
    const db = open()
    for (const pragma of pragmas) db.exec(`PRAGMA ${pragma}`)
    const storage = new SQLiteStorage({ db, ...options })
    databases.set(storage, db)
    return storage
  },
  {
    ...contract,
    name: `${kind} on Node ${process.version}`,
    codes: true,
    list: true,
    ages: true,
    retention: true,
    async plant(storage, id, text) {
      await storage.load('nobody')
      assert.equal(storage.mode, mode, storage.modeReason)
      assert.ok(storage.modeReason.includes(reason), storage.modeReason)
      const sql = 'INSERT OR REPLACE INTO conversations (id, state, updated_at) VALUES (?, ?, 1)'
      databases.get(storage).prepare(sql).run(id, text)
    },
  },
)
