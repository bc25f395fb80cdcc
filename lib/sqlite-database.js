'use strict'

const { optionsError, readGiven } = require('./errors.js')

/**
 * Checks, by its shape, that `db` is a synchronous SQLite database: better-sqlite3, one of its relatives (libsql,
 * better-sqlite3-multiple-ciphers), or `node:sqlite`. Runs nothing on it.
 */
function checkDatabase(db) {
  readGiven('sqlite', 'The option "db"', () => checkShape(db))
}

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
}

/** Whether the connection is open; better-sqlite3 and node:sqlite have different names for it. */
function isOpen(db) {
  // Of node:sqlite, `open` is a method.
  return (typeof db.open === 'boolean' ? db.open : db.isOpen) !== false
}

/** Whether the user's transaction is open; `undefined` where the database cannot tell (early node:sqlite). */
function inTransaction(db) {
  const answer = db.inTransaction ?? db.isTransaction
  return typeof answer === 'boolean' ? answer : undefined
}

/** The database, as error messages name it. */
function describe(db) {
  try {
    const name = typeof db.location === 'function' ? db.location() : db.name
    if (typeof name === 'string' && name !== '' && name !== ':memory:') return name
  } catch {} // Closed: node:sqlite then refuses to tell.
  return 'the database in memory'
}

/**
 * SQLite's result code (or its name) and message in what the database threw; nothing where it is no error of SQLite.
 * better-sqlite3 and libsql have the name in `code`, node:sqlite the number in `errcode`.
 */
function sqliteError(error) {
  if (typeof error?.errcode === 'number') return { code: error.errcode, message: error.message }
  if (typeof error?.code === 'string' && error.code.startsWith('SQLITE_'))
    return { code: error.code, message: error.message }
  return undefined
}

/** Someone else holds a lock. */
function isLock(error) {
  return isPrimary(error, 5, 'SQLITE_BUSY') || isPrimary(error, 6, 'SQLITE_LOCKED')
}

/** The database cannot be written. */
function isReadOnly(error) {
  return isPrimary(error, 8, 'SQLITE_READONLY')
}

/** Whether it is this result code, or an extension of it. */
function isPrimary(error, number, name) {
  const code = sqliteError(error)?.code
  return typeof code === 'number' ? (code & 0xff) === number : String(code).startsWith(name)
}

/** better-sqlite3 writes nothing while a row iterator is open or a function of the user's is being called by SQLite. */
function isOccupied(error) {
  return error instanceof TypeError && /busy executing a query/.test(error.message)
}

/** The connection was closed, perhaps between two statements. */
function isClosed(db, error) {
  return !isOpen(db) || /connection is not open|database is not open|database is closed/i.test(error?.message)
}

/** By its shape: to load `node:sqlite` for `instanceof` prints a warning. */
function isNodeSqlite(db) {
  return (
    db.constructor?.name === 'DatabaseSync' &&
    typeof db.isOpen === 'boolean' &&
    typeof db.location === 'function' &&
    typeof db.enableLoadExtension === 'function' &&
    typeof db.loadExtension === 'function'
  )
}

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
