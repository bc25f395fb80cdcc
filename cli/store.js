'use strict'

/** @import { Address, FileAddress, SqliteAddress } from './address.js' */

const fs = require('node:fs/promises')
const { resolve } = require('node:path')

const { readAddress } = require('./address.js')
const { CliError } = require('./failure.js')
const { printable } = require('./text.js')

const DEFAULT_TABLE = 'conversations'

/** The bytes of the smallest page that SQLite has. */
const SMALLEST_PAGE = 512

/**
 * @typedef {object} Survey
 * @property {string[]} tables
 * @property {string | null} unfit why the table cannot hold conversations
 * @property {string} journal
 * @property {number} pageSize bytes
 * @property {number} pages
 * @property {number} freePages
 * @property {number} autoVacuum 0 none, 1 full, 2 incremental
 * @property {number} noText rows whose id or state is no text
 * @property {number} locks
 * @property {string[]} [problems] of a deep survey
 */

/**
 * A store that a command has opened.
 *
 * @typedef {object} OpenStore
 * @property {any} storage
 * @property {'file' | 'sqlite' | 'redis'} adapter
 * @property {Address} address
 * @property {string} describe the store as messages name it, without a password
 * @property {() => Promise<void>} close
 */

/**
 * Opens what stands for STORE on the command line. Whatever belongs to another program stays as it is.
 *
 * @param {string} text
 * @param {{ mode: 'read' | 'write' | 'create' }} options The mode `create` makes what is missing, at the first write. The other two refuse it.
 * @returns {Promise<OpenStore>}
 */
async function openStore(text, { mode }) {
  const address = readAddress(text)
  const storage = await open(address, mode)
  return { storage, adapter: address.adapter, address, describe: address.text, close: () => storage.close() }
}

/**
 * @param {Address} address
 * @param {'read' | 'write' | 'create'} mode
 */
async function open(address, mode) {
  // Here: a page of help must not load the native part.
  const { FileStorage, RedisStorage, SQLiteStorage } = require('../index.js')
  // Nothing of this process remembers states, or forgets them behind its back.
  const common = { snapshots: 0, sweep: false, refreshOnLoad: false }
  if (address.adapter === 'redis') {
    const { url, prefix, ttl } = address
    return new RedisStorage({ url, prefix, ttl, ...common })
  }
  if (address.adapter === 'file') {
    await checkDirectory(address, mode)
    const { dir, extension, pretty } = address
    return new FileStorage({ dir, extension, pretty, ttl: 0, ...common })
  }
  const journal = await checkDatabase(address, mode)
  return new SQLiteStorage({ path: address.path, table: address.table, journal, ttl: 0, ...common })
}

/**
 * @param {FileAddress & { text: string }} address
 * @param {'read' | 'write' | 'create'} mode
 */
async function checkDirectory({ dir, text }, mode) {
  const found = await stat(dir, text)
  if (found === undefined) {
    if (mode === 'create') return
    throw new CliError(`There is no directory ${text}.`)
  }
  if (found.isDirectory()) return
  const hint = (await isDatabase(dir).catch(() => false))
    ? ` It is an SQLite database: write sqlite:${printable(dir)}.`
    : ''
  throw new CliError(`${text} is a file, not a directory of conversations.${hint}`)
}

/**
 * Returns the journal that the database has, so that nothing of it is changed.
 *
 * @param {SqliteAddress & { text: string }} place
 * @param {'read' | 'write' | 'create'} mode
 * @returns {Promise<'wal' | 'delete'>}
 */
async function checkDatabase(place, mode) {
  const { path, text } = place
  const found = await stat(path, text)
  if (found === undefined || (found.isFile() && found.size === 0)) {
    if (mode === 'create') return 'wal'
    throw new CliError(found === undefined ? `There is no file ${text}.` : `${text} is an empty file, not a database.`)
  }
  if (found.isDirectory()) throw new CliError(`${text} is a directory. Write file:${printable(path)} for files in it.`)
  // Opening a pipe could wait until somebody writes.
  if (!found.isFile()) throw new CliError(`${text} is no ordinary file.`)
  // SQLite takes so short a file for an empty database, and would write over it.
  if (found.size < SMALLEST_PAGE) throw new CliError(`${text} is not an SQLite database.`)
  const { unfit, tables, journal } = await survey(place)
  const known = journal === 'wal' ? 'wal' : 'delete'
  if (unfit !== null) {
    const table = place.table ?? DEFAULT_TABLE
    const isMissing = !tables.includes(table)
    // Another program may have its own tables in this file, and conversations may come to them.
    if (isMissing && mode === 'create') return known
    const names = tables.slice(0, 10).map((name) => JSON.stringify(name))
    const hint =
      names.length === 0 ? '' : ` Its tables: ${names.join(', ')}. STORE names one as sqlite:PATH?table=NAME.`
    const why = isMissing ? `has no table ${JSON.stringify(table)}` : `holds no conversations there: ${unfit}`
    throw new CliError(`${text} ${why}.${hint}`)
  }
  return known
}

/**
 * Resolves to facts about a database, which is left as it is.
 *
 * @param {SqliteAddress & { text: string }} address
 * @param {boolean} [isDeep] checks the whole file
 * @returns {Promise<Survey>}
 */
async function survey(address, isDeep = false) {
  const { path, table = DEFAULT_TABLE, text } = address
  const { surveySqlite } = require('../lib/binding.js')
  const result = await surveySqlite(resolve(path), table, isDeep)
  if (typeof result === 'string') return JSON.parse(result)
  throw new CliError(`Cannot look at ${text}: ${result.reason}.`, undefined, result)
}

/**
 * @param {string} place
 * @param {string} text
 */
async function stat(place, text) {
  try {
    return await fs.stat(place)
  } catch (error) {
    if (/** @type {any} */ (error).code === 'ENOENT') return undefined
    throw cannotRead(text, error)
  }
}

/** @param {string} path */
async function isDatabase(path) {
  const file = await fs.open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(16), 0, 16, 0)
    return buffer.toString('latin1') === 'SQLite format 3\0'
  } finally {
    await file.close()
  }
}

/**
 * @param {string} text
 * @param {any} cause
 */
function cannotRead(text, cause) {
  const why = cause.code === 'EACCES' || cause.code === 'EPERM' ? 'it is not permitted' : cause.code
  return new CliError(`Cannot read ${text}: ${why}.`, undefined, cause)
}

module.exports = { DEFAULT_TABLE, cannotRead, openStore, survey }
