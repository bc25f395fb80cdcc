'use strict'

/** @import { SQLiteDatabase } from './sqlite-types.js' */

const { optionsError, readGiven } = require('./errors.js')

/**
 * Returns `db`. Throws unless it has the shape of a synchronous SQLite database: better-sqlite3, one of its relatives (libsql,
 * better-sqlite3-multiple-ciphers), or `node:sqlite`. Runs nothing on it.
 *
 * @param {unknown} db
 */
function checkDatabase(db) {
  return readGiven('sqlite', 'The option "db"', () => checkShape(db))
}

/**
 * @param {any} db
 * @returns {SQLiteDatabase}
 */
function checkShape(db) {
  if (db === null || typeof db !== 'object') {
    const hint = typeof db === 'string' ? ' A file name goes into the option "path".' : ''
    throw invalid(
      `must be a better-sqlite3 database, not ${db === null ? 'null' : `a value of type ${typeof db}`}.${hint}`,
    )
  }
  const missing = ['prepare', 'exec'].filter((name) => typeof db[name] !== 'function')
  if (missing.length > 0)
    throw invalid(`must have the methods prepare and exec; it has no ${missing.join(' and no ')}.`)
  if (typeof db.parallelize === 'function') {
    throw invalid('is a database of node-sqlite3, which answers by callbacks. Use better-sqlite3.')
  }
  return db
}

/**
 * Returns whether the connection is open. better-sqlite3 and node:sqlite have different names for it.
 *
 * @param {any} db
 * @returns {boolean}
 */
function isOpen(db) {
  // Of node:sqlite, `open` is a method.
  return (typeof db.open === 'boolean' ? db.open : db.isOpen) !== false
}

/**
 * Returns whether the user's transaction is open; `undefined` if the database cannot tell (early node:sqlite).
 *
 * @param {any} db
 * @returns {boolean | undefined}
 */
function inTransaction(db) {
  const isActive = db.inTransaction ?? db.isTransaction
  return typeof isActive === 'boolean' ? isActive : undefined
}

/**
 * Returns the database as error messages name it.
 *
 * @param {any} db
 * @returns {string}
 */
function describe(db) {
  try {
    const name = typeof db.location === 'function' ? db.location() : db.name
    if (typeof name === 'string' && name !== '' && name !== ':memory:') return name
  } catch {} // It is closed: node:sqlite then throws.
  return 'the database in memory'
}

/**
 * Returns SQLite's result code (or its name) and message from what the database threw; `undefined` if that is no error of
 * SQLite. better-sqlite3 and libsql have the name in `code`, node:sqlite the number in `errcode`.
 *
 * @param {any} error
 * @returns {{ code: number | string, message: string } | undefined}
 */
function sqliteError(error) {
  if (typeof error?.errcode === 'number') return { code: error.errcode, message: error.message }
  if (typeof error?.code === 'string' && error.code.startsWith('SQLITE_'))
    return { code: error.code, message: error.message }
  return undefined
}

/**
 * Returns whether another connection holds a lock.
 *
 * @param {unknown} error
 */
function isLock(error) {
  return isPrimary(error, 5, 'SQLITE_BUSY') || isPrimary(error, 6, 'SQLITE_LOCKED')
}

/**
 * Returns whether the database cannot be written.
 *
 * @param {unknown} error
 */
function isReadOnly(error) {
  return isPrimary(error, 8, 'SQLITE_READONLY')
}

/**
 * Returns whether the error has this result code, or an extension of it.
 *
 * @param {unknown} error
 * @param {number} number
 * @param {string} name
 */
function isPrimary(error, number, name) {
  const code = sqliteError(error)?.code
  return typeof code === 'number' ? (code & 0xff) === number : String(code).startsWith(name)
}

/**
 * Returns whether better-sqlite3 refused because it is busy: it writes nothing while a row iterator is open, or while SQLite
 * calls one of the user's functions.
 *
 * @param {unknown} error
 */
function isOccupied(error) {
  return error instanceof TypeError && /busy executing a query/.test(error.message)
}

/**
 * Returns whether the connection was closed, perhaps between two statements.
 *
 * @param {any} db
 * @param {any} error
 */
function isClosed(db, error) {
  return !isOpen(db) || /connection is not open|database is not open|database is closed/i.test(error?.message)
}

/**
 * Returns whether this is a `DatabaseSync`, by its shape: to load `node:sqlite` for `instanceof` prints a warning.
 *
 * @param {any} db
 */
function isNodeSqlite(db) {
  return (
    db.constructor?.name === 'DatabaseSync' &&
    typeof db.isOpen === 'boolean' &&
    typeof db.location === 'function' &&
    typeof db.enableLoadExtension === 'function' &&
    typeof db.loadExtension === 'function'
  )
}

/** @param {string} why */
function invalid(why) {
  return optionsError('sqlite', `The option "db" of the sqlite storage ${why}`)
}

module.exports = {
  checkDatabase,
  describe,
  inTransaction,
  isClosed,
  isLock,
  isNodeSqlite,
  isOccupied,
  isOpen,
  isReadOnly,
  sqliteError,
}
