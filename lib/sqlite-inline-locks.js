'use strict'

/** @import { Entered, Operation, Result } from './handle.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */

const { lockLook, lockStep } = require('./binding.js')
const { inTransaction } = require('./sqlite-database.js')
const { KINDS } = require('./native-handle.js')

/** The result of an operation on a lock inside a transaction of the user. A rollback would take the lock back. */
const BUSY = { held: false, ahead: 0, waiting: 0, isBusy: true }

/** @import { RunStatement } from './sqlite-statement.js' */

/** Conditional writes and locks on the user's connection: the same rows and the same steps as natively. */
class InlineLocks {
  #create

  /** @param {string} create makes the table of the locks */
  constructor(create) {
    this.#create = create
  }

  /**
   * Does a conditional write or an operation on a lock, inside the transaction of the queue or of the user.
   *
   * @param {SQLiteDatabase} db
   * @param {RunStatement} run
   * @param {Operation & { now: number }} operation
   * @param {boolean} isUsers whether the transaction is the user's
   * @returns {Result}
   */
  perform(db, run, operation, isUsers) {
    const { kind, id, text, ttl, now, condition = {} } = operation
    if (isUsers && kind !== 'cas') return BUSY
    const needsRecord = kind !== 'cas' || condition.owner !== undefined
    if (needsRecord) db.exec(this.#create)
    const record = needsRecord ? /** @type {string | undefined} */ (run('readLock', { id })) : undefined
    const stored = kind === 'cas' ? this.#stored(run, { id, ttl, now }) : undefined
    const step = lockStep(KINDS[kind], text, condition, record, stored, ttl)
    const { time } = step
    if (step.writes) run(text === undefined ? 'delete' : 'save', { id, text, time })
    const entered = /** @type {Entered} */ (step.result)
    // While it is locked, it does not expire.
    if (kind === 'enter' && entered.held && ttl) run('hold', { id, ttl, now, time, renewBefore: time })
    if (kind === 'enter' && entered.held && condition.wantsText) {
      const found = run('load', { id, ttl, now })
      if (found !== undefined) entered.text = /** @type {string} */ (found)
    }
    if (needsRecord && step.record !== record) {
      if (step.record === undefined) run('removeLock', { id })
      else run('writeLock', { id, text: step.record })
    }
    return step.result
  }

  /**
   * Returns the result of an `enter` that only has to wait on; `undefined` if it needs a transaction.
   *
   * @param {SQLiteDatabase} db
   * @param {RunStatement} run
   * @param {Operation} operation
   * @returns {Entered | undefined}
   */
  look(db, run, { id, condition = {} }) {
    if (inTransaction(db) !== false) return undefined
    try {
      const record = /** @type {string | undefined} */ (run('readLock', { id }))
      return lockLook(condition, record) ?? undefined
    } catch {
      // Such as that there is no table yet.
      return undefined
    }
  }

  /**
   * Returns what is stored, to compare with: a text that no state has if there is something that is no text.
   *
   * @param {RunStatement} run
   * @param {{ id: string, ttl: number | undefined, now: number }} values
   */
  #stored(run, values) {
    try {
      return /** @type {string | undefined} */ (run('load', values))
    } catch (failure) {
      if (/** @type {any} */ (failure)?.code === 'ERR_STORAGE_CORRUPT') return ''
      throw failure
    }
  }
}

module.exports = { InlineLocks }
