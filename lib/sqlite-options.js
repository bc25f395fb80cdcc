'use strict'

const { optionsError } = require('./errors.js')
const { aMode, aPath, readOptions } = require('./options.js')
const { checkDatabase } = require('./sqlite-database.js')

const CHECKS = {
  db: () => undefined,
  path: (value) =>
    value === ':memory:' || /^file:/i.test(value)
      ? 'a file (for conversations in memory there is MemoryStorage; URIs are not supported)'
      : aPath(value),
  table: (value) =>
    typeof value === 'string' &&
    value !== '' &&
    value.isWellFormed() &&
    !value.includes('\0') &&
    !/^sqlite_/i.test(value)
      ? undefined
      : 'a name without NUL that does not begin with "sqlite_"',
  mode: aMode,
}

/** Checks the options and returns them, with their defaults: a `db` or a `path`, a `table` and a `mode`. */
function readSqliteOptions(given) {
  const options = readOptions('sqlite', given, CHECKS)
  if ((options.db === undefined) === (options.path === undefined)) {
    const which = options.db === undefined ? 'the option "db" or "path"' : 'only one of the options "db" and "path"'
    throw optionsError('sqlite', `The sqlite storage needs ${which}.`)
  }
  if (options.db !== undefined) checkDatabase(options.db)
  else if (options.mode !== undefined) {
    throw optionsError('sqlite', 'The option "mode" of the sqlite storage goes with the option "db".')
  }
  return { table: 'conversations', mode: 'auto', ...options }
}

module.exports = { readSqliteOptions }
