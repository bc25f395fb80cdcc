// Runs the contract by the test runner of the Node.js it is started with, on a SQLite of that Node.js's own.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { SQLiteStorage } from '../../index.js'
import testing from '../../testing/index.js'

// `dir`: where the databases are made; without it they are in memory. `mode`: what the storages must turn out to be.
const { kind, module, dir, mode, ...contract } = JSON.parse(process.argv[2])
const require = createRequire(import.meta.url)

let serial = 0
function open() {
  const path = dir === undefined ? ':memory:' : join(dir, `${serial++}.db`)
  if (kind !== 'node:sqlite') return new (require(module))(path)
  const db = new (require('node:sqlite').DatabaseSync)(path, { allowExtension: true })
  // Its own default of 0 would have the user's statements fail where they meet our commits: then the storage is inline.
  db.exec('PRAGMA busy_timeout = 5000')
  return db
}

const databases = new WeakMap()
testing.runStorageContract(
  () => {
    const db = open()
    const storage = new SQLiteStorage({ db })
    databases.set(storage, db)
    return storage
  },
  {
    ...contract,
    name: `${kind} on Node ${process.version}`,
    codes: true,
    async plant(storage, id, text) {
      await storage.load('nobody')
      assert.equal(storage.mode, mode, storage.modeReason)
      const sql = 'INSERT OR REPLACE INTO conversations (id, state, updated_at) VALUES (?, ?, 1)'
      databases.get(storage).prepare(sql).run(id, text)
    },
  },
)
