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
  canLock = true
  canList = true
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
    this.origin = { collection: table }
  }

  /**
   * @param {Operation} operation
   * @returns {Promise<Result>}
   */
  run(operation) {
    if (operation.kind === 'enter' && this.#queue.isEmpty) {
      const waits = this.#table.look(this.#db, operation)
      if (waits !== undefined) return Promise.resolve(waits)
    }
    return this.#queue.enqueue(this.#table, operation)
  }

  /**
   * Does an operation now that is no write. Throws as the database does, or what an operation is rejected with.
   *
   * @param {Operation} operation
   * @returns {{ result: Result } | undefined} `undefined` if it has something to write after all
   */
  readNow(operation) {
    const reading = this.#table.reading(this.#db, operation)
    return reading && { result: this.#table.run(this.#db, reading) }
  }

  /**
   * Returns whether the operation changes something.
   *
   * @param {Operation} operation
   */
  isWrite(operation) {
    return this.#table.isWrite(operation)
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
