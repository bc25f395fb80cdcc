'use strict'

/** @import { Result } from './handle.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */
/** @import { SqliteOperation } from '../binding.js' */

const { horizon, systemTime } = require('./binding.js')
const { cells } = require('./sqlite-database.js')

/**
 * The sources of a statement's parameters. Times are in ms since 1970.
 *
 * @typedef {object} Values
 * @property {string} id
 * @property {string | undefined} [text]
 * @property {number | undefined} [ttl] seconds
 * @property {number} [now] by default the time of the system
 * @property {number} [time] to keep with the conversation; by default `now`
 * @property {number} [renewBefore] by default `now`
 */

/**
 * Runs one of the statements of a table.
 *
 * @typedef {(kind: string, values: Values) => Result} RunStatement
 */

/** The values of a statement's parameters. @type {{ [name: string]: (values: Values) => string | number | undefined }} */
const PARAMETERS = {
  id: ({ id }) => id,
  text: ({ text }) => text,
  time: ({ time, now }) => time ?? now ?? systemTime(),
  horizon: ({ ttl, now }) => (ttl ? horizon(ttl, now ?? systemTime()) : 0),
  renewBefore: ({ renewBefore, now }) => renewBefore ?? now ?? systemTime(),
}

/** The statement of one kind of operation. */
class Statement {
  /** @type {any} */
  #prepared
  #parameters
  #reads
  #location

  /**
   * @param {SQLiteDatabase} db
   * @param {SqliteOperation} operation
   * @param {string} location
   */
  constructor(db, { sql, params, reads }, location) {
    this.#prepared = db.prepare(sql)
    this.#parameters = params.map((name) => /** @type {(values: Values) => any} */ (PARAMETERS[name]))
    this.#reads = reads
    this.#location = location
  }

  /**
   * @param {Values} values
   * @returns {Result}
   */
  run(values) {
    const parameters = this.#parameters.map((value) => value(values))
    if (this.#reads === 'nothing') {
      this.#prepared.run(...parameters)
      return undefined
    }
    const row = this.#prepared.get(...parameters)
    const isThere = row !== undefined && row !== null
    if (this.#reads === 'presence') return isThere
    if (!isThere) return undefined
    const [text] = cells(row)
    if (typeof text === 'string') return text
    throw {
      code: 'ERR_STORAGE_CORRUPT',
      reason: `${this.#location} holds something that is no text as the state of this conversation`,
    }
  }
}

module.exports = { Statement }
