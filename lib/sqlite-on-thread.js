'use strict'

/** @import { StorageHandle } from '../binding.js' */
/** @import { Operation, Result, ShortHandle } from './handle.js' */

const { scheduleHandOver } = require('./dispatcher.js')
const { KINDS } = require('./native-handle.js')
const { now, resolved, then } = require('./primordials.js')
const { hasTime, spend } = require('./turn-budget.js')

/** An operation that takes longer, in ms, waited for the disk or was on a large state. */
const SLOW_MS = 0.5

/** A slow operation is followed by a pause of so many times its duration: slow ones use at most 1 % of this thread. */
const PAUSE = 100

/**
 * So much of the pause, in ms, is saved up while nothing is slow. A busy machine makes a quick operation slow now and then. If
 * each of them were followed by a pause, the other thread would do every second one (measured, saves of 2 KB one at a time:
 * 1.25 times the saves/s).
 */
const SAVED_UP = 1_000

let pausedUntil = 0
/** True once a write was done within the call in this tick. */
let wroteInTick = false

function nextTick() {
  wroteInTick = false
}

/**
 * Calls `work`, unless this turn of the event loop has no time left: the other thread then does it, which lets the event loop
 * turn.
 *
 * @template T
 * @param {() => T | undefined} work
 * @returns {T | undefined}
 */
function withinTurn(work) {
  const began = now()
  if (!hasTime() || began < pausedUntil) return undefined
  try {
    return work()
  } catch {
    // The other thread meets the same, and says what it is.
    return undefined
  } finally {
    const took = now() - began
    if (took > SLOW_MS) pausedUntil = Math.max(pausedUntil, began - SAVED_UP) + PAUSE * took
    spend(took)
  }
}

/**
 * Does short operations on the JavaScript thread. For a page that SQLite has in memory this is cheaper for this thread than
 * waking another one and being woken by it (measured, a load of 2 KB: 14 µs instead of 53 µs, and 100 µs until it is there).
 */
class OnThread {
  #connection
  #inline
  /** Takes a short save as a native handle does. @type {ShortHandle} */
  #shortly

  /**
   * @param {import('../binding.js').SqliteSidecar} connection
   * @param {StorageHandle} later the way to the other thread
   * @param {InstanceType<typeof import('./sqlite-inline.js').InlineSqlite>} inline
   */
  constructor(connection, later, inline) {
    this.#connection = connection
    this.#inline = inline
    this.#shortly = {
      saveShort: (table, number, first, count, more, id, text, ttl) =>
        connection.saveShort(later, table, number, first, count, more, id, text, ttl),
      loadShort: later.loadShort,
    }
  }

  /**
   * Does the operation, if it can be done without waiting for disk or lock, and in order.
   *
   * @param {Operation} operation
   * @param {InFlightOperations} inFlight of all storages on this database
   * @returns {{ result: Result | Promise<Result> } | undefined} `undefined` if nothing was done
   */
  run(operation, inFlight) {
    // What compares or locks needs a transaction, which the writer thread has. A look through all takes a while.
    if (operation.condition !== undefined || operation.scan !== undefined) return undefined
    if (!this.#inline.isWrite(operation)) {
      // Of a state that is remembered, most need not become a string there (measured, a load of 20 KB: 25 us of this thread in
      // place of 129 us).
      if (operation.short !== undefined) return undefined
      // The other thread has all that was called before; the user's connection only what is committed.
      if (!inFlight.isCalm || !this.#connection.mayReadOnUserConnection()) return undefined
      return withinTurn(() => this.#inline.readNow(operation))
    }
    // One write in a tick: several share one transaction on the other thread, which costs less than one each.
    // The connection is asked before the text of the state is copied, which is in vain if each commit is synced.
    if (wroteInTick || !inFlight.isCalm || !this.#connection.mayWriteNow()) return undefined
    const { kind, id, short } = operation
    return withinTurn(() => {
      const handed = short?.run(this.#shortly, operation, id, 0)
      if (handed?.result !== undefined) {
        // It could not be done now, and what is remembered has changed with it: so it is handed over already.
        scheduleHandOver()
        return /** @type {{ result: Promise<Result> }} */ (handed)
      }
      if (handed === undefined && !this.#connection.writeNow(KINDS[kind], id, operation.text)) return undefined
      wroteInTick = true
      then(resolved, nextTick)
      return { result: undefined }
    })
  }
}

/** The operations in flight on one database, of all storages on it. */
class InFlightOperations {
  #count = 0
  /** The most that were in flight together since there was none. */
  #most = 0

  add() {
    this.#most = this.#count === 0 ? 1 : Math.max(this.#most, this.#count + 1)
    this.#count++
  }

  remove() {
    this.#count--
  }

  /**
   * Returns whether there is none, and the last ones came one at a time. After several, more are about to come. They share the
   * wake-ups of the other thread (measured, 64 loads of 2 KB at a time: 1.3 times the loads/s, with 0.89 of the time of this
   * thread). A write within the call would also make the writer read its pages anew (64 saves at a time: 0.78x of the saves/s).
   */
  get isCalm() {
    return this.#count === 0 && this.#most <= 1
  }
}

/** One for each database. @type {WeakMap<object, InFlightOperations>} */
const IN_FLIGHT = new WeakMap()

/** @param {object} db */
function inFlightOn(db) {
  let inFlight = IN_FLIGHT.get(db)
  if (inFlight === undefined) {
    inFlight = new InFlightOperations()
    IN_FLIGHT.set(db, inFlight)
  }
  return inFlight
}

module.exports = { OnThread, inFlightOn }
