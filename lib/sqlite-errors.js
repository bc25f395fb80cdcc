'use strict'

/** @import { Failure } from './handle.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */

const { explainSqlite } = require('./binding.js')
const { isFailure } = require('./errors.js')
const { describe, isClosed, isOccupied, sqliteError } = require('./sqlite-database.js')

/**
 * Returns what an exception of the user's database means, with the exception itself as the cause.
 *
 * @param {SQLiteDatabase} db
 * @param {unknown} error
 * @returns {Failure}
 */
function explain(db, error) {
  try {
    return classify(db, error)
  } catch {
    // The error, or the database, throws when it is looked at.
    return unusable(error)
  }
}

/**
 * @param {SQLiteDatabase} db
 * @param {unknown} error
 * @returns {Failure}
 */
function classify(db, error) {
  if (isFailure(error)) return error
  if (isClosed(db, error)) {
    return { code: 'ERR_STORAGE_CLOSED', reason: 'the database connection was closed', cause: error }
  }
  const known = sqliteError(error)
  const database = describe(db)
  if (known !== undefined) {
    const { code, reason } = explainSqlite(known.code, known.message, database)
    return { code, reason, cause: error }
  }
  if (isOccupied(error)) {
    const reason = `${database} is busy with a row iterator of the application; finish it and try again`
    return { code: 'ERR_STORAGE_UNAVAILABLE', reason, cause: error }
  }
  return { code: 'ERR_STORAGE_INTERNAL', reason: `${database} refused a statement; please report it`, cause: error }
}

/**
 * @param {unknown} cause
 * @returns {Failure}
 */
function unusable(cause) {
  return { code: 'ERR_STORAGE_INTERNAL', reason: 'the database refused a statement; please report it', cause }
}

module.exports = { explain, unusable }
