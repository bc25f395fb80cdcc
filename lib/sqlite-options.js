'use strict'

/** @import { Check } from './options.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */

const { optionsError } = require('./errors.js')
const { aLogger } = require('./logger.js')
const { aBoolean, aMode, aPathOrUrl, aRoom, readOptions } = require('./options.js')
const { RETENTION_CHECKS, readRetention } = require('./retention-options.js')
const { checkDatabase } = require('./sqlite-check.js')

/** @type {Check<string>} */
const aFile = (value) =>
  value === ':memory:' || hasUriParameters(value)
    ? 'a file (for conversations in memory there is MemoryStorage; URIs are not supported)'
    : aPathOrUrl(value)
aFile.convert = aPathOrUrl.convert

/**
 * Returns whether this is a URI with parameters for SQLite, such as `mode=ro`. They would be ignored.
 *
 * @param {any} value
 */
function hasUriParameters(value) {
  const uri = typeof value === 'object' ? value?.href : value
  return typeof uri === 'string' && /^file:.*(\?|:memory:)/i.test(uri)
}

/** @type {Check<string>} */
const aTable = (value) =>
  typeof value === 'string' && value !== '' && value.isWellFormed() && !value.includes('\0') && !/^sqlite_/i.test(value)
    ? undefined
    : 'a name without NUL that does not begin with "sqlite_"'

/** @type {Check<'wal' | 'delete'>} */
const aJournal = (value) => (value === 'wal' || value === 'delete' ? undefined : '"wal" or "delete"')

const CHECKS = {
  /** Its shape is checked once it is known that there is no `path`. */
  db: () => undefined,
  path: aFile,
  table: aTable,
  mode: aMode,
  journal: aJournal,
  secureDelete: aBoolean,
  snapshots: aRoom,
  logger: aLogger,
  ...RETENTION_CHECKS,
}

/** @import { Logger } from './logger-types.js' */
/** @import { Retention } from './retention-options.js' */

/**
 * @typedef {{ table: string, mode: 'auto' | 'inline', journal: 'wal' | 'delete', secureDelete: boolean,
 *   snapshots: number | undefined, logger: Logger | undefined }} OwnSettings
 */
/** @typedef {Retention & OwnSettings} CommonSettings */

/**
 * Checks the options and returns them with their defaults.
 *
 * @param {unknown} given
 * @returns {CommonSettings & ({ db: SQLiteDatabase, path?: undefined } | { db?: undefined, path: string })}
 */
function readSqliteOptions(given) {
  const options = readOptions('sqlite', given, CHECKS)
  const { db, path, table = 'conversations', mode, journal, secureDelete, snapshots, logger } = options
  if ((db === undefined) === (path === undefined)) {
    const which = db === undefined ? 'the option "db" or "path"' : 'only one of the options "db" and "path"'
    throw optionsError('sqlite', `The sqlite storage needs ${which}.`)
  }
  const misplaced = path === undefined ? { journal, secureDelete } : { mode }
  for (const [name, value] of Object.entries(misplaced)) {
    if (value === undefined) continue
    const goesWith = path === undefined ? 'path' : 'db'
    throw optionsError('sqlite', `The option "${name}" of the sqlite storage goes with the option "${goesWith}".`)
  }
  const settings = {
    table,
    mode: mode ?? 'auto',
    journal: journal ?? 'wal',
    secureDelete: secureDelete ?? false,
    snapshots,
    logger,
    ...readRetention(options),
  }
  return path === undefined ? { ...settings, db: checkDatabase(db) } : { ...settings, path }
}

module.exports = { readSqliteOptions }
