'use strict'

/** @import { Check } from './options.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */

const { optionsError } = require('./errors.js')
const { aMode, aPath, readOptions } = require('./options.js')
const { checkDatabase } = require('./sqlite-database.js')

/** @type {Check<string>} */
const aFile = (value) =>
  value === ':memory:' || (typeof value === 'string' && /^file:/i.test(value))
    ? 'a file (for conversations in memory there is MemoryStorage; URIs are not supported)'
    : aPath(value)

/** @type {Check<string>} */
const aTable = (value) =>
  typeof value === 'string' && value !== '' && value.isWellFormed() && !value.includes('\0') && !/^sqlite_/i.test(value)
    ? undefined
    : 'a name without NUL that does not begin with "sqlite_"'

const CHECKS = {
  /** Its shape is checked once it is known that there is no `path`. */
  db: () => undefined,
  path: aFile,
  table: aTable,
  mode: aMode,
}

/** @typedef {{ table: string, mode: 'auto' | 'inline' }} CommonSettings */

/**
 * Checks the options and returns them with their defaults.
 *
 * @param {unknown} given
 * @returns {CommonSettings & ({ db: SQLiteDatabase, path?: undefined } | { db?: undefined, path: string })}
 */
function readSqliteOptions(given) {
  const { db, path, table = 'conversations', mode } = readOptions('sqlite', given, CHECKS)
  if ((db === undefined) === (path === undefined)) {
    const which = db === undefined ? 'the option "db" or "path"' : 'only one of the options "db" and "path"'
    throw optionsError('sqlite', `The sqlite storage needs ${which}.`)
  }
  if (path === undefined) return { db: checkDatabase(db), table, mode: mode ?? 'auto' }
  if (mode !== undefined) {
    throw optionsError('sqlite', 'The option "mode" of the sqlite storage goes with the option "db".')
  }
  return { path, table, mode: 'auto' }
}

module.exports = { readSqliteOptions }
