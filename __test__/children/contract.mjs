// Runs the contract under `node --test` semantics on another version of Node, against a SQLite of its own.
import { createRequire } from 'node:module'

import { SQLiteStorage } from '../../index.js'
import testing from '../../testing/index.js'

const { kind, modules, options, ...contract } = JSON.parse(process.argv[2])
const require = createRequire(modules ?? import.meta.url)

const open = {
  'better-sqlite3': () => new (require('better-sqlite3'))(':memory:'),
  'node:sqlite': () => new (require('node:sqlite').DatabaseSync)(':memory:'),
}[kind]

const databases = new WeakMap()
testing.runStorageContract(
  () => {
    const db = open()
    const storage = new SQLiteStorage({ db, ...options })
    databases.set(storage, db)
    return storage
  },
  {
    ...contract,
    name: `${kind} on Node ${process.version}`,
    codes: true,
    async plant(storage, id, text) {
      await storage.load('nobody')
      const sql = 'INSERT OR REPLACE INTO conversations (id, state, updated_at) VALUES (?, ?, 1)'
      databases.get(storage).prepare(sql).run(id, text)
    },
  },
)
