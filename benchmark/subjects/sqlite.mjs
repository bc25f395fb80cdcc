import { join } from 'node:path'
import Database from 'better-sqlite3'

import { SQLiteStorage } from '../../index.js'
import { load } from '../harness/packages.mjs'
import { BetterSqliteStorage } from '../reference/index.mjs'
import { keyValue } from './memory.mjs'

const place = (directory) => join(directory, 'states.db')

/** The same settings for everyone; all others are left at better-sqlite3's defaults. */
function prepare(db, { journal, synchronous }, relaxed) {
  db.pragma(`journal_mode = ${journal}`)
  db.pragma(`synchronous = ${relaxed ? 'OFF' : synchronous}`)
  return db
}

/** Subjects on a connection of better-sqlite3's that the user opened. */
function onConnection(settings, make) {
  return async ({ directory, relaxed }) => {
    const db = prepare(new Database(place(directory)), settings, relaxed)
    return { storage: await make(db), close: async () => void db.close() }
  }
}

const plain = (settings) => ({
  label: 'better-sqlite3: one upsert a save',
  open: onConnection(settings, (db) => new BetterSqliteStorage({ db })),
})

const native = (settings) => ({
  label: 'SQLiteStorage { db }',
  ours: true,
  mode: 'native',
  open: onConnection(settings, (db) => new SQLiteStorage({ db })),
})

const inline = (settings) => ({
  label: "SQLiteStorage { db, mode: 'inline' }",
  ours: true,
  mode: 'inline',
  open: onConnection(settings, (db) => new SQLiteStorage({ db, mode: 'inline' })),
})

/** Has settings of its own: WAL and `synchronous = FULL`. */
const ownFile = {
  label: 'SQLiteStorage { path }',
  ours: true,
  async open({ directory }) {
    const storage = new SQLiteStorage({ path: place(directory) })
    return { storage, close: () => storage.close() }
  },
}

/** Replaces one checkpoint for each conversation, instead of adding one: the same work as everyone's. */
const langgraph = (settings) => ({
  label: 'LangGraph SqliteSaver',
  needs: ['@langchain/langgraph-checkpoint-sqlite'],
  open: onConnection(settings, async (db) => {
    const { SqliteSaver } = await load('@langchain/langgraph-checkpoint-sqlite')
    const saver = new SqliteSaver(db)
    const configuration = (id) => ({ configurable: { thread_id: id, checkpoint_ns: '' } })
    const metadata = { source: 'update', step: 0, parents: {} }
    return {
      async load(conversationId) {
        const tuple = await saver.getTuple(configuration(conversationId))
        return tuple?.checkpoint.channel_values.state ?? null
      },
      save: (state) =>
        saver.put(
          configuration(state.conversationId),
          { v: 4, id: '1', ts: '', channel_values: { state }, channel_versions: {}, versions_seen: {} },
          metadata,
        ),
    }
  }),
})

const unstorage = (settings) => ({
  label: 'unstorage (db0, better-sqlite3)',
  needs: ['unstorage', 'db0'],
  async open({ directory, relaxed }) {
    const { createStorage } = await load('unstorage')
    const { default: driver } = await load('unstorage/drivers/db0')
    const { createDatabase } = await load('db0')
    const { default: connector } = await load('db0/connectors/better-sqlite3')
    const database = createDatabase(connector({ path: place(directory) }))
    prepare(await database.getInstance(), settings, relaxed)
    // The driver says on the console that it is experimental.
    console.warn = () => {}
    const store = createStorage({ driver: driver({ database }) })
    return { storage: keyValue(store, 'getItem', 'setItem'), close: () => database.dispose() }
  },
})

const FULL = { journal: 'WAL', synchronous: 'FULL' }
const DELETE = { journal: 'DELETE', synchronous: 'FULL' }
const NORMAL = { journal: 'WAL', synchronous: 'NORMAL' }

/** @type {Record<string, import('./index.mjs').Variant>} */
export const SQLITE = {
  'sqlite-wal-full': {
    adapter: 'sqlite',
    label: 'SQLite, WAL, synchronous = FULL',
    note: 'Each save is on the disk before it is acknowledged.',
    reference: 'upsert',
    subjects: {
      upsert: plain(FULL),
      db: native(FULL),
      path: ownFile,
      inline: inline(FULL),
      langgraph: langgraph(FULL),
      unstorage: unstorage(FULL),
    },
  },
  'sqlite-delete-full': {
    adapter: 'sqlite',
    label: 'SQLite, DELETE, synchronous = FULL',
    note: "Each save is on the disk before it is acknowledged. SQLite's default settings. LangGraph's saver sets WAL itself.",
    reference: 'upsert',
    subjects: { upsert: plain(DELETE), db: native(DELETE), inline: inline(DELETE), unstorage: unstorage(DELETE) },
  },
  'sqlite-wal-normal': {
    adapter: 'sqlite',
    label: 'SQLite, WAL, synchronous = NORMAL',
    note: 'A save survives a crash of the process; power loss may undo the last ones.',
    reference: 'upsert',
    subjects: {
      upsert: plain(NORMAL),
      db: native(NORMAL),
      inline: inline(NORMAL),
      langgraph: langgraph(NORMAL),
      unstorage: unstorage(NORMAL),
    },
  },
}
