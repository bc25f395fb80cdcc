'use strict'

/** @import { Operation, Result } from './handle.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */
/** @import { ScanOptions, SqliteOperation } from '../binding.js' */
/** @import { RunStatement } from './sqlite-statement.js' */

const {
  emptyPage,
  judgeSqliteTable,
  scanSqlite,
  sqliteStatements,
  systemTime,
  whyNotBesidePath,
} = require('./binding.js')
const { cells, describe, fileOfMain, inTransaction, isReadOnly } = require('./sqlite-database.js')
const { isRefreshDue, refresh, touch } = require('./sqlite-inline-ages.js')
const { InlineLocks } = require('./sqlite-inline-locks.js')
const { Statement } = require('./sqlite-statement.js')

/** One table on the user's connection: made or checked at the first operation, its statements prepared once. */
class InlineTable {
  #name
  #path
  #sql
  /** One for each kind of operation. @type {Map<string, InstanceType<typeof Statement>>} */
  #statements = new Map()
  /** The kinds of operations. @type {Map<string, SqliteOperation>} */
  #operations
  /** The statements of looks through the table, by their SQL. @type {Map<string, any>} */
  #scans = new Map()
  #locks
  #isChecked = false
  /** The error of the database when the table could not be made. @type {unknown} */
  #refusal

  /**
   * @param {SQLiteDatabase} db
   * @param {string} name
   */
  constructor(db, name) {
    this.#name = name
    this.#path = describe(db)
    this.#sql = sqliteStatements(this.#path, name)
    const all = [...this.#sql.operations, ...this.#sql.lockOperations]
    this.#operations = new Map(all.map((operation) => [operation.kind, operation]))
    this.#locks = new InlineLocks(this.#sql.createLocks)
  }

  get location() {
    return this.#sql.location
  }

  /**
   * Returns whether the operation changes something. A load that renews the expiry is none: it need not.
   *
   * @param {Operation} operation
   */
  isWrite({ kind, scan }) {
    if (scan !== undefined) return scan.action === 'remove'
    if (kind === 'refresh') return false
    return kind === 'touch' || isConditional(kind) || this.#operation(kind).isWrite
  }

  /**
   * Does an operation, within whatever transaction is open. Throws what the database throws, or a `Failure`.
   *
   * @param {SQLiteDatabase} db
   * @param {Operation} operation
   * @param {boolean} [isUsers] whether the transaction is the user's
   * @returns {Result}
   */
  run(db, operation, isUsers = false) {
    if (!this.ensure(db)) return this.#runWithoutTable(operation)
    const { kind, scan } = operation
    // The same in all statements of the operation.
    const timed = { ...operation, now: systemTime() }
    try {
      if (scan !== undefined) return this.#scan(db, scan, operation.ttl)
      if (kind === 'touch') return touch(this.#running(db), timed)
      if (kind === 'refresh') return refresh(this.#running(db), timed)
      if (isConditional(kind)) return this.#locks.perform(db, this.#running(db), timed, isUsers)
      return this.#statement(db, kind).run(timed)
    } catch (error) {
      // Such as "no such table", or statements finalized because the connection was closed and opened again: the next
      // operation looks anew.
      this.#isChecked = false
      this.#statements.clear()
      this.#scans.clear()
      throw error
    }
  }

  /**
   * Returns the result of an `enter` that only has to wait on; `undefined` if it needs a transaction.
   *
   * @param {SQLiteDatabase} db
   * @param {Operation} operation
   */
  look(db, operation) {
    return this.#isChecked ? this.#locks.look(db, this.#running(db), operation) : undefined
  }

  /**
   * Returns the operation that does the same and writes nothing; `undefined` if it has to write. It is one that
   * {@link InlineTable.isWrite} says is none.
   *
   * @param {SQLiteDatabase} db
   * @param {Operation} operation
   * @returns {Operation | undefined}
   */
  reading(db, operation) {
    if (operation.kind !== 'refresh') return operation
    const isDue = isRefreshDue(this.#running(db), { ...operation, now: systemTime() })
    return isDue ? undefined : { ...operation, kind: 'load' }
  }

  /**
   * @param {SQLiteDatabase} db
   * @returns {RunStatement}
   */
  #running(db) {
    return (kind, values) => this.#statement(db, kind).run(values)
  }

  /**
   * Returns one page of a look through the table, as JSON.
   *
   * @param {SQLiteDatabase} db
   * @param {ScanOptions} scan
   * @param {number} [ttl] seconds
   */
  #scan(db, scan, ttl = 0) {
    /** @param {string} sql @param {(string | number)[]} parameters @returns {string[][]} */
    const run = (sql, parameters) => {
      let statement = this.#scans.get(sql)
      if (statement === undefined) {
        statement = db.prepare(sql)
        this.#scans.set(sql, statement)
      }
      if (sql.startsWith('SELECT')) return statement.all(...parameters).map(texts)
      statement.run(...parameters)
      return []
    }
    const page = scanSqlite(this.#path, this.#name, ttl, scan, run)
    if (typeof page === 'object') throw page
    return page
  }

  /**
   * Makes the table if it is missing and checks it. Returns whether it is there: a read-only database may lack it.
   *
   * @param {SQLiteDatabase} db
   */
  ensure(db) {
    if (this.#isChecked) return true
    if (!this.#find(db)) return false
    // A transaction of the user may yet take the table away again.
    this.#isChecked = inTransaction(db) === false
    return true
  }

  /** Remembers what was found out within a transaction of our own that used the table and is committed. */
  committed() {
    if (this.#statements.size > 0) this.#isChecked = true
  }

  /** @param {string} kind */
  #operation(kind) {
    const operation = this.#operations.get(kind)
    if (operation === undefined) throw new TypeError(`there is no operation ${kind}`)
    return operation
  }

  /**
   * @param {SQLiteDatabase} db
   * @param {string} kind
   */
  #statement(db, kind) {
    let statement = this.#statements.get(kind)
    if (statement === undefined) {
      statement = new Statement(db, this.#operation(kind), this.#sql.location)
      this.#statements.set(kind, statement)
    }
    return statement
  }

  /** @param {SQLiteDatabase} db */
  #find(db) {
    const { create, kind, columns, unique } = this.#sql
    refuseSecondCopy(db)
    const rows = (/** @type {string} */ sql) => /** @type {any} */ (db.prepare(sql)).all(this.#name).map(texts)
    let found = rows(kind)
    if (found.length === 0) {
      try {
        db.exec(create)
      } catch (error) {
        if (!isReadOnly(error)) throw error
        this.#refusal = error
        return false
      }
      found = rows(kind)
    }
    const refusal = judgeSqliteTable(this.#path, this.#name, found, rows(columns), rows(unique))
    if (refusal != null) throw refusal
    return true
  }

  /**
   * Returns what an operation finds in a read-only database that has no such table.
   *
   * @param {Operation} operation
   * @returns {Result}
   */
  #runWithoutTable({ kind, scan }) {
    if (scan !== undefined) return emptyPage()
    if (kind === 'touch') return false
    if (kind === 'refresh') return undefined
    const { isWrite, reads } = isConditional(kind) ? { isWrite: true } : this.#operation(kind)
    if (!isWrite) return reads === 'presence' ? false : undefined
    const reason = 'the database is read-only and has no such table'
    throw { code: 'ERR_STORAGE_DENIED', reason, cause: this.#refusal }
  }
}

/** @param {Operation['kind']} kind */
function isConditional(kind) {
  return kind === 'cas' || kind === 'enter' || kind === 'leave'
}

/**
 * Throws if `{ path }` has the file open, through this package's own copy of SQLite, and the two copies would not see each
 * other: the system has only locks that belong to the process, or the file has two names.
 *
 * @param {SQLiteDatabase} db
 */
function refuseSecondCopy(db) {
  const file = fileOfMain(db)
  if (file === '') return
  const reason =
    file === undefined
      ? 'the database does not tell which file it is on, so that a second copy of SQLite may destroy that file'
      : whyNotBesidePath(file)
  if (reason != null) throw { code: 'ERR_STORAGE_INVALID_OPTIONS', reason }
}

/**
 * Returns a row as the native side judges it: all text.
 *
 * @param {unknown} row
 */
function texts(row) {
  return cells(row).map((value) => (value === null ? '' : String(value)))
}

module.exports = { InlineTable }
