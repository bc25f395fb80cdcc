'use strict'

/** @import { Operation, Result, Sidecar } from './handle.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */

const { openSqliteSidecar } = require('./binding.js')
const { getDispatcher, scheduleHandOver } = require('./dispatcher.js')
const { NativeHandle: Native } = require('./native-handle.js')
const { describe, inTransaction, isBetterSqlite3, isNodeSqlite, isOccupied, isOpen } = require('./sqlite-database.js')
const { OnThread, inFlightOn } = require('./sqlite-on-thread.js')

/** @typedef {InstanceType<typeof import('./sqlite-inline.js').InlineSqlite>} InlineSqlite */
/** @typedef {InstanceType<typeof Native>} NativeHandle */
/** @typedef {InstanceType<typeof OnThread>} OnThreadOf */
/** @typedef {ReturnType<typeof inFlightOn>} InFlightOperations */

/**
 * Our own connection beside the user's, made through the user's own copy of SQLite. The first operation decides whether
 * there can be one.
 *
 * @implements {Sidecar}
 */
class SqliteSidecar {
  #db
  #table
  #inline
  #sweptTtl
  #inFlight
  #monitor
  /** @type {import('../binding.js').SqliteSidecar | undefined} */
  #connection
  /** @type {SqliteSidecarHandle | undefined} */
  #handle
  /** Why there will never be one. @type {string | undefined} */
  #never
  /** Why the last attempt made none. @type {string | undefined} */
  #notYet
  nativeReason = "a connection of our own, through the database's own SQLite"

  /**
   * @param {SQLiteDatabase} db
   * @param {string} table
   * @param {InlineSqlite} inline what the user's connection does
   * @param {number | undefined} sweptTtl seconds
   * @param {InstanceType<typeof import('./monitor.js').Monitor>} monitor counts the commits
   */
  constructor(db, table, inline, sweptTtl, monitor) {
    this.#db = db
    this.#table = table
    this.#inline = inline
    this.#sweptTtl = sweptTtl
    this.#inFlight = inFlightOn(db)
    this.#monitor = monitor
  }

  /** Looks and changes nothing: before the first operation, it tells what can be known without one. */
  whyInline() {
    if (this.#never !== undefined) return this.#never
    if (!isOpen(this.#db)) return 'the database connection is closed'
    if (inTransaction(this.#db) === true) return 'a transaction is open on the database connection'
    if (this.#isBackupRunning())
      return 'a backup is running, which would begin anew with each commit of another connection'
    return this.#handle === undefined ? (this.#notYet ?? whyNever(this.#db)) : undefined
  }

  handle() {
    if (this.#never !== undefined || !isOpen(this.#db)) return undefined
    // The sidecar is at rest then: what it had was done, or handed back, before the transaction could begin.
    if (inTransaction(this.#db) !== false) return undefined
    // What waits on the user's connection was called earlier. It cannot be done now if that connection is occupied.
    if (!this.#inline.isAtRest()) return undefined
    if (this.#isBackupRunning()) return undefined
    return this.#handle ?? this.#open()
  }

  started() {
    this.#inFlight.add()
  }

  ended() {
    this.#inFlight.remove()
  }

  drain() {
    this.#connection?.drain()
    return this.#connection?.takeHandedBack() ?? []
  }

  get isHandingBack() {
    return this.#connection?.whyHandedBack() != null
  }

  /** The sidecar lacks something that the user's connection has: it is never used again. */
  retire() {
    const reason = this.#connection?.whyHandedBack()
    this.#never ??= `our own connection cannot do what the database asks for: ${reason}`
    this.#handle = undefined
  }

  async release() {
    await this.#handle?.close()
  }

  #isBackupRunning() {
    return this.#connection?.isBackupRunning() === true
  }

  #open() {
    this.#never = whyNever(this.#db)
    if (this.#never !== undefined) return undefined
    try {
      if (!this.#inline.ensure()) return this.#later('the database is read-only and has no such table')
    } catch (error) {
      // The operation will meet the same on the user's connection, and report it.
      return this.#later(/** @type {any} */ (error)?.reason ?? /** @type {any} */ (error)?.message)
    }
    const dispatcher = getDispatcher()
    let opened
    try {
      const load = (/** @type {string} */ file, /** @type {string} */ entry) => loadExtension(this.#db, file, entry)
      opened = openSqliteSidecar(dispatcher, load, describe(this.#db), this.#table, this.#sweptTtl)
    } catch (error) {
      if (isOccupied(error)) return this.#later('the connection is busy with a row iterator or a function')
      opened = `loadExtension refused: ${/** @type {any} */ (error)?.message}`
    }
    if (typeof opened === 'string') {
      this.#never = opened
      return undefined
    }
    this.#connection = opened
    const later = opened.handle(dispatcher, this.#monitor.native)
    const native = new Native(later, scheduleHandOver, this.nativeReason)
    this.#handle = new SqliteSidecarHandle(native, new OnThread(opened, later, this.#inline), this.#inFlight)
    return this.#handle
  }

  /** @param {string} reason */
  #later(reason) {
    this.#notYet = reason
    return undefined
  }
}

/** The way to the sidecar: short operations within the call, all others on its thread. */
class SqliteSidecarHandle {
  #native
  #onThread
  #inFlight

  /**
   * @param {NativeHandle} native
   * @param {OnThreadOf} onThread
   * @param {InFlightOperations} inFlight
   */
  constructor(native, onThread, inFlight) {
    this.#native = native
    this.#onThread = onThread
    this.#inFlight = inFlight
  }

  /**
   * @param {Operation} operation
   * @returns {Result | Promise<Result>}
   */
  run(operation) {
    const now = this.#onThread.run(operation, this.#inFlight)
    return now === undefined ? this.#native.run(operation) : now.result
  }

  /** @type {NonNullable<import('./handle.js').Handle['keepLock']>} */
  keepLock(id, owner, lease, hold, ttl) {
    this.#native.keepLock(id, owner, lease, hold, ttl)
  }

  close() {
    return this.#native.close()
  }
}

/**
 * @param {SQLiteDatabase} db
 * @param {string} file
 * @param {string} entry
 */
function loadExtension(db, file, entry) {
  const extensible = /** @type {{ loadExtension(file: string, entry?: string): void }} */ (/** @type {unknown} */ (db))
  // node:sqlite takes the entry point only in some versions; it finds the default one.
  if (isNodeSqlite(db)) extensible.loadExtension(file)
  else extensible.loadExtension(file, entry)
}

/**
 * Returns why `db` must not even be asked to load an extension; `undefined` if it may. libsql looks like better-sqlite3, but
 * its `loadExtension` aborts the process.
 *
 * @param {any} db
 */
function whyNever(db) {
  if (isNodeSqlite(db)) return db.location() === null ? 'the database is in memory' : undefined
  if (!isBetterSqlite3(db) || typeof db.loadExtension !== 'function') return 'the database is no better-sqlite3'
  if (db.memory !== false || db.name === '') return 'the database is in memory or temporary'
  if (typeof db.name !== 'string' || /^fd:\d+$/.test(db.name)) return 'the database has no file name'
  return undefined
}

module.exports = { SqliteSidecar }
