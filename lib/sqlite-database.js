'use strict'

/** @import { SQLiteDatabase } from './sqlite-types.js' */

/**
 * Returns whether the connection is open. better-sqlite3 and node:sqlite have different names for it. bun:sqlite has none, and
 * throws if a closed one is asked for its transaction.
 *
 * @param {any} db
 * @returns {boolean}
 */
function isOpen(db) {
  // Of node:sqlite, `open` is a method.
  const known = typeof db.open === 'boolean' ? db.open : db.isOpen
  if (typeof known === 'boolean') return known
  try {
    inTransaction(db)
    return true
  } catch {
    return false
  }
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
 * Returns the file that the database is on, as SQLite names it; empty for a database in memory or a temporary one. `undefined`
 * if the database does not tell: then it may be on any file.
 *
 * @param {SQLiteDatabase} db
 * @returns {string | undefined}
 */
function fileOfMain(db) {
  const rows = /** @type {unknown[]} */ (db.prepare('PRAGMA database_list').all()).map(cells)
  const file = rows.find(([, name]) => name === 'main')?.[2]
  return typeof file === 'string' ? file : undefined
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
 * Returns whether the table refuses the change: a constraint, or a trigger.
 *
 * @param {unknown} error
 */
function isConstraint(error) {
  return isPrimary(error, 19, 'SQLITE_CONSTRAINT')
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
  return (
    !isOpen(db) ||
    /connection is not open|database is not open|database is closed|closed database/i.test(error?.message)
  )
}

/**
 * Returns whether this is a better-sqlite3 database or one of its builds. Only these have `open` as an own accessor.
 *
 * @param {any} db
 */
function isBetterSqlite3(db) {
  return typeof Object.getOwnPropertyDescriptor(db, 'open')?.get === 'function'
}

/**
 * Returns whether this is a `DatabaseSync`, and of no subclass, which may do more than it. By its shape: to load `node:sqlite`
 * for `instanceof` prints a warning, and the class is called `Database` since Node.js 26.12.
 *
 * @param {any} db
 */
function isNodeSqlite(db) {
  return (
    typeof db.isOpen === 'boolean' &&
    typeof db.open === 'function' &&
    typeof db.location === 'function' &&
    typeof db.enableLoadExtension === 'function' &&
    Object.hasOwn(Object.getPrototypeOf(db), 'loadExtension')
  )
}

/**
 * Returns the values of a row, in the order of its columns. Databases return a row as an object or as an array, as they are
 * set (`returnArrays` of node:sqlite).
 *
 * @param {unknown} row
 * @returns {unknown[]}
 */
function cells(row) {
  return Array.isArray(row) ? row : Object.values(Object(row))
}

module.exports = {
  cells,
  describe,
  fileOfMain,
  inTransaction,
  isBetterSqlite3,
  isClosed,
  isConstraint,
  isLock,
  isNodeSqlite,
  isOccupied,
  isOpen,
  isReadOnly,
  sqliteError,
}
