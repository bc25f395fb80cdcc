import { join } from 'node:path'
import Database from 'better-sqlite3'

import { BetterSqliteStorage } from '../reference/index.mjs'

const place = (directory) => join(directory, 'states.db')

/** Returns a function that opens a storage on the user's connection, with the same pragmas for every subject. */
const onConnection =
  ([journal, synchronous], make) =>
  (context) => {
    const db = new Database(place(context.directory))
    db.pragma(`journal_mode = ${journal}`)
    db.pragma(`synchronous = ${context.relaxed ? 'OFF' : synchronous}`)
    context.atEnd(() => db.close())
    return make(db, context.adapters)
  }

const upsert = (settings) => ({
  label: 'better-sqlite3: one upsert a save',
  open: onConnection(settings, (db) => new BetterSqliteStorage({ db })),
})

const onDatabase = (settings, mode, options, label = 'SQLiteStorage { db }') => ({
  label,
  ours: true,
  mode,
  open: onConnection(settings, (db, { SQLiteStorage }) => new SQLiteStorage({ db, ...options })),
})
const native = (settings) => onDatabase(settings, 'native', {})
const inline = (settings) => onDatabase(settings, 'inline', { mode: 'inline' }, "SQLiteStorage { db, mode: 'inline' }")

/** Has settings of its own: WAL and `synchronous = FULL`. */
const onPath = {
  label: 'SQLiteStorage { path }',
  ours: true,
  open: ({ adapters, directory }) => new adapters.SQLiteStorage({ path: place(directory) }),
}

const WAL_FULL = ['WAL', 'FULL']
const DELETE_FULL = ['DELETE', 'FULL']
const WAL_NORMAL = ['WAL', 'NORMAL']

/** @type {Record<string, import('./index.mjs').Place>} */
export const SQLITE = {
  'sqlite-wal-full': {
    adapter: 'sqlite',
    label: 'WAL, FULL',
    note: 'With `FULL`, a save resolves once it is on the disk.',
    reference: 'upsert',
    subjects: { upsert: upsert(WAL_FULL), db: native(WAL_FULL), path: onPath },
  },
  'sqlite-delete-full': {
    adapter: 'sqlite',
    label: 'DELETE, FULL',
    note: '`DELETE, FULL` are the defaults of SQLite.',
    reference: 'upsert',
    subjects: { upsert: upsert(DELETE_FULL), db: native(DELETE_FULL) },
  },
  'sqlite-wal-normal': {
    adapter: 'sqlite',
    label: 'WAL, NORMAL',
    note: 'With `NORMAL`, a save survives a crash of the process; a power loss may undo the last saves.',
    reference: 'upsert',
    subjects: { upsert: upsert(WAL_NORMAL), db: native(WAL_NORMAL), inline: inline(WAL_NORMAL) },
  },
}
