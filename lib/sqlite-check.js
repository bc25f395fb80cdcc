'use strict'

/** @import { SQLiteDatabase } from './sqlite-types.js' */

const { optionsError, readGiven } = require('./errors.js')
const {
  cells,
  isBetterSqlite3,
  isClosed,
  isNodeSqlite,
  isOccupied,
  isOpen,
  sqliteError,
} = require('./sqlite-database.js')

const WANTED = 'a database of better-sqlite3, libsql or node:sqlite'

/** Reads no file: the constructor waits for no lock, and pragmas such as a cipher's key may follow it. */
const LIST = 'PRAGMA database_list'

/** May read the file, as any `SELECT` may. */
const PARAMETERS = 'SELECT ? AS a, ? AS b'

/**
 * Returns `db`. Throws unless it is an open SQLite database that can be used like one of better-sqlite3: synchronous, with
 * parameters one by one, and with rows that are objects or lists of values.
 *
 * @param {unknown} db
 * @returns {SQLiteDatabase}
 */
function checkDatabase(db) {
  return readGiven('sqlite', 'The option "db"', () => {
    checkMethods(db)
    checkBehaviour(db)
    return /** @type {SQLiteDatabase} */ (db)
  })
}

/** @param {any} db */
function checkMethods(db) {
  if (db === null || typeof db !== 'object') {
    const hint = typeof db === 'string' ? ' A file name goes into the option "path".' : ''
    throw invalid(`must be ${WANTED}, not ${db === null ? 'null' : `a value of type ${typeof db}`}.${hint}`)
  }
  const missing = ['prepare', 'exec'].filter((name) => typeof db[name] !== 'function')
  if (missing.length > 0) {
    throw invalid(`must be ${WANTED}; what was given has no ${missing.join(' and no ')}.${hintFor(db)}`)
  }
  if (typeof db.parallelize === 'function') {
    throw invalid(`is a database of node-sqlite3, which works by callbacks. It must be ${WANTED}.`)
  }
  // Before any statement: libsql aborts the process if a closed database prepares one.
  if (!isOpen(db)) throw closed()
}

/** @param {any} db */
function hintFor(db) {
  if (typeof db.then === 'function') return ' It is a promise: await it first.'
  // Drizzle and its kind.
  return typeof db.$client?.prepare === 'function' ? ' Give its member $client.' : ''
}

/**
 * Runs statements as the storage will run its own. Otherwise a look-alike would accept saves and lose them.
 *
 * @param {any} db
 */
function checkBehaviour(db) {
  let works
  try {
    works = returnsRows(db) && (isBetterSqlite3(db) || isNodeSqlite(db) || takesParameters(db))
  } catch (error) {
    // The database is in trouble or in use; the operations will tell, or will wait.
    if (sqliteError(error) !== undefined || isOccupied(error)) return
    throw isClosed(db, error) ? closed() : unusable(error)
  }
  if (!works) throw unusable()
}

/** @param {any} db */
function returnsRows(db) {
  const statement = db.prepare(LIST)
  // The name and the file of each database: both are text.
  const isRow = (/** @type {unknown} */ row) => [1, 2].every((column) => typeof cells(row)[column] === 'string')
  return [...statement.all(), statement.get()].every(isRow) && typeof statement.run === 'function'
}

/** @param {any} db */
function takesParameters(db) {
  const [a, b] = cells(db.prepare(PARAMETERS).get('one', 'two'))
  return a === 'one' && b === 'two'
}

function closed() {
  return invalid('is closed. It must be open.')
}

/** @param {unknown} [cause] */
function unusable(cause) {
  return invalid(
    'must run statements as better-sqlite3 does: synchronously, with parameters one by one, and with rows that are objects or arrays of all columns.',
    cause,
  )
}

/**
 * @param {string} why
 * @param {unknown} [cause]
 */
function invalid(why, cause) {
  return optionsError('sqlite', `The option "db" of the sqlite storage ${why}`, cause)
}

module.exports = { checkDatabase }
