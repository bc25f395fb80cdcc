'use strict'

/** @import { Operation, Result, UserHandle } from './handle.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */

const { queueOf } = require('./sqlite-inline-queue.js')
const { InlineTable } = require('./sqlite-table.js')

/**
 * One table of the user's database, on the user's own connection, with the event loop blocked meanwhile.
 *
 * @implements {UserHandle}
 */
class InlineSqlite {
  #db
  #queue
  #table
  /** @type {'inline'} */
  mode = 'inline'
  modeReason = 'the option "mode" says so'
  /** Never called: whoever wants the connection at rest flushes it. @type {undefined} */
  onRest

  /**
   * @param {SQLiteDatabase} db
   * @param {string} table
   */
  constructor(db, table) {
    this.#db = db
    this.#queue = queueOf(db)
    this.#table = new InlineTable(db, table)
  }

  /**
   * @param {Operation} operation
   * @returns {Promise<Result>}
   */
  run(operation) {
    return this.#queue.enqueue(this.#table, operation)
  }

  /**
   * Does an operation now. Throws as the database does, or what an operation is rejected with.
   *
   * @param {Operation} operation
   * @returns {Result}
   */
  runNow(operation) {
    return this.#table.run(this.#db, operation)
  }

  /**
   * Returns whether operations of this kind change something.
   *
   * @param {Operation['kind']} kind
   */
  isWrite(kind) {
    return this.#table.isWrite(kind)
  }

  /** Does everything that waits, now. Returns whether that was possible. */
  isAtRest() {
    return this.#queue.flush()
  }

  /** Makes or checks the table, now. Returns whether it is there; throws as an operation would be rejected. */
  ensure() {
    return this.#table.ensure(this.#db)
  }

  /** Waits for what is pending. The connection is the user's and stays open. */
  close() {
    return this.#queue.enqueue(undefined, undefined)
  }

  location() {
    return this.#table.location
  }
}

module.exports = { InlineSqlite }
