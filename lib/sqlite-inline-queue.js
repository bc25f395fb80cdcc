'use strict'

/** @import { Operation, Result } from './handle.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */

const { cancelFlushAtExit, flushAtExit } = require('./dispatcher.js')
const { now, resolved, setTimeout, then } = require('./primordials.js')
const { explain, unusable } = require('./sqlite-errors.js')
const { inTransaction, isLock, isOccupied, isOpen } = require('./sqlite-database.js')
const { spend, whenThereIsTime } = require('./turn-budget.js')

/** How long, and how often, an operation is tried again while the connection is occupied (an open row iterator), in ms. */
const OCCUPIED_TIMEOUT_MS = 5000
const OCCUPIED_PAUSE_MS = 5

/** @typedef {InstanceType<typeof import('./sqlite-table.js').InlineTable>} InlineTable */

/**
 * @typedef {object} Waiting
 * @property {InlineTable | undefined} table `undefined` for a close, which does nothing
 * @property {Operation | undefined} operation
 * @property {(result: any) => void} resolve
 * @property {(failure: unknown) => void} reject
 */

/** @typedef {{ result?: Result, error?: any }} Ended */

/**
 * The operations of all storages on one connection of the user. Everything that waits at the end of a tick is done in one
 * transaction, so that it shares one disk sync. Inside a transaction of the user, an operation is done within the call: it
 * joins, sees what is not committed, and is rolled back with it.
 */
class InlineQueue {
  #db
  /** @type {Waiting[]} */
  #waiting = []
  #isScheduled = false
  /** @type {number | undefined} */
  #occupiedSince

  /** @param {SQLiteDatabase} db */
  constructor(db) {
    this.#db = db
  }

  /**
   * @param {InlineTable | undefined} table
   * @param {Operation | undefined} operation
   * @returns {Promise<Result>}
   */
  enqueue(table, operation) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ table, operation, resolve, reject })
      if (this.#joinsTransaction()) this.flush()
      else this.#schedule()
    })
  }

  #joinsTransaction() {
    try {
      return isOpen(this.#db) && inTransaction(this.#db)
    } catch {
      // A wrapper around the database that cannot be asked: the attempt will tell.
      return false
    }
  }

  #schedule() {
    // Each time: once the process is ending, this does the operation now.
    flushAtExit(this)
    if (this.#isScheduled) return
    this.#isScheduled = true
    then(resolved, () => {
      this.#isScheduled = false
      this.flush()
    })
  }

  get isEmpty() {
    return this.#waiting.length === 0
  }

  /** Does everything that waits, now. Returns whether that was possible. */
  flush() {
    if (this.#waiting.length === 0) return true
    cancelFlushAtExit(this)
    const batch = this.#waiting
    this.#waiting = []
    /** @type {Ended[]} */
    let outcomes
    let again = false
    const began = now()
    try {
      outcomes = this.#perform(batch)
      again = this.#mustTryAgain(outcomes)
    } catch (error) {
      // The user's database object did something unexpected. Nothing above would catch it, and the promises would never settle.
      outcomes = batch.map(() => ({ error: unusable(error) }))
    }
    if (again) {
      this.#waiting = batch.concat(this.#waiting)
      flushAtExit(this)
      setTimeout(() => this.flush(), OCCUPIED_PAUSE_MS)
      return false
    }
    spend(now() - began)
    // Who saves again and again, without anything else to wait for, would otherwise keep the event loop from turning.
    whenThereIsTime(() => settle(batch, outcomes))
    return this.#waiting.length === 0
  }

  /**
   * Returns whether the connection was occupied. Nothing of the batch has taken effect then, if it is outside of transactions.
   *
   * @param {Ended[]} outcomes
   */
  #mustTryAgain(outcomes) {
    const occupied = outcomes.some(({ error }) => isOccupied(error?.cause)) && inTransaction(this.#db) !== true
    if (!occupied) {
      this.#occupiedSince = undefined
      return false
    }
    this.#occupiedSince ??= now()
    return now() - this.#occupiedSince < OCCUPIED_TIMEOUT_MS
  }

  /**
   * Returns one outcome for each operation.
   *
   * @param {Waiting[]} batch
   * @returns {Ended[]}
   */
  #perform(batch) {
    // A closed database of node:sqlite throws when it is asked for its transaction.
    const isUsers = isOpen(this.#db) && inTransaction(this.#db) === true
    const direct = isUsers || !isOpen(this.#db) || !needsTransaction(batch)
    return (direct ? undefined : this.#inTransaction(batch)) ?? batch.map((one) => this.#one(one, isUsers))
  }

  /**
   * Does all in one transaction. Returns `undefined` if they have to be done one by one.
   *
   * @param {Waiting[]} batch
   * @returns {Ended[] | undefined}
   */
  #inTransaction(batch) {
    try {
      this.#db.exec('BEGIN IMMEDIATE')
    } catch (error) {
      return this.#withoutLock(batch, error)
    }
    try {
      const outcomes = batch.map((one) => this.#one(one))
      // An error such as a full disk has ended the transaction, and with it what was done before.
      if (inTransaction(this.#db) === false) return undefined
      this.#db.exec('COMMIT')
      for (const { table } of batch) table?.committed()
      return outcomes
    } catch (error) {
      this.#rollBack()
      return this.#withoutLock(batch, error)
    }
  }

  /**
   * Returns the outcomes if the write lock is not to be had; `undefined` if that was not the reason. The attempt has waited as
   * long as the user's busy timeout says, with the event loop blocked: that must not happen again for each operation.
   *
   * @param {Waiting[]} batch
   * @param {unknown} error
   * @returns {Ended[] | undefined}
   */
  #withoutLock(batch, error) {
    if (!isLock(error) && !isOccupied(error)) return undefined
    return batch.map((one) => (isWrite(one) ? { error: explain(this.#db, error) } : this.#one(withoutWrite(one))))
  }

  #rollBack() {
    try {
      if (inTransaction(this.#db) !== false) this.#db.exec('ROLLBACK')
    } catch {} // It was rolled back already, or the connection is closed.
  }

  /**
   * @param {Waiting} waiting
   * @param {boolean} [isUsers] whether it is inside a transaction of the user
   * @returns {Ended}
   */
  #one({ table, operation }, isUsers = false) {
    if (table === undefined || operation === undefined) return {}
    try {
      // libsql goes on working after `close()`.
      if (!isOpen(this.#db)) throw new TypeError('The database connection is not open')
      return { result: table.run(this.#db, operation, isUsers) }
    } catch (error) {
      return { error: explain(this.#db, error) }
    }
  }
}

/**
 * Returns whether the operations must be done together, or one of them must compare and write at once.
 *
 * @param {Waiting[]} batch
 */
function needsTransaction(batch) {
  const isLarge = batch.some(({ operation }) => operation?.condition !== undefined || operation?.scan !== undefined)
  return batch.some(isWrite) && (isLarge || batch.length > 1)
}

/**
 * @param {Waiting[]} batch
 * @param {Ended[]} outcomes
 */
function settle(batch, outcomes) {
  for (const [index, { resolve, reject }] of batch.entries()) {
    const { result, error } = outcomes[index] ?? {}
    if (error === undefined) resolve(result)
    else reject(error)
  }
}

/** @param {Waiting} waiting */
function isWrite({ table, operation }) {
  return table !== undefined && operation !== undefined && table.isWrite(operation)
}

/**
 * Returns the same for a load that would renew the expiry, but without that.
 *
 * @param {Waiting} waiting
 * @returns {Waiting}
 */
function withoutWrite(waiting) {
  const { operation } = waiting
  return operation?.kind === 'refresh' ? { ...waiting, operation: { ...operation, kind: 'load' } } : waiting
}

/** One queue for each connection, shared by all storages on it. @type {WeakMap<object, InlineQueue>} */
const QUEUES = new WeakMap()

/** @param {SQLiteDatabase} db */
function queueOf(db) {
  let queue = QUEUES.get(db)
  if (queue === undefined) {
    queue = new InlineQueue(db)
    QUEUES.set(db, queue)
  }
  return queue
}

module.exports = { queueOf }
