'use strict'

/** @import { Operation, Result } from './handle.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */
/** @import { SqliteOperation } from '../binding.js' */

const { isOpenByPath, judgeSqliteTable, sqliteStatements } = require('./binding.js')
const { describe, inTransaction, isReadOnly } = require('./sqlite-database.js')

/** The values of a statement's parameters. @type {{ [name: string]: (operation: Operation) => string | number | undefined }} */
const PARAMETERS = { id: ({ id }) => id, text: ({ text }) => text, now: () => Date.now() }

/** One table on the user's connection: made or checked at the first operation, its statements prepared once. */
class InlineTable {
  #name
  #path
  #sql
  /** One for each kind of operation. @type {Map<string, Statement>} */
  #statements = new Map()
  /** The kinds of operations. @type {Map<string, SqliteOperation>} */
  #operations
  #isChecked = false
  /** What the database said when the table could not be made. @type {unknown} */
  #refusal

  /**
   * @param {SQLiteDatabase} db
   * @param {string} name
   */
  constructor(db, name) {
    this.#name = name
    this.#path = describe(db)
    this.#sql = sqliteStatements(this.#path, name)
    this.#operations = new Map(this.#sql.operations.map((operation) => [operation.kind, operation]))
  }

  get location() {
    return this.#sql.location
  }

  /**
   * Returns whether operations of this kind change something.
   *
   * @param {Operation['kind']} kind
   */
  isWrite(kind) {
    return this.#operation(kind).isWrite
  }

  /**
   * Does an operation, within whatever transaction is open. Throws what the database throws, or a `Failure`.
   *
   * @param {SQLiteDatabase} db
   * @param {Operation} operation
   * @returns {Result}
   */
  run(db, operation) {
    if (!this.ensure(db)) return this.#runWithoutTable(operation)
    try {
      return this.#statement(db, operation.kind).run(operation)
    } catch (error) {
      // Such as "no such table", or statements finalized because the connection was closed and opened again: the next
      // operation looks anew.
      this.#isChecked = false
      this.#statements.clear()
      throw error
    }
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
   * What an operation finds in a read-only database that has no such table.
   *
   * @param {Operation} operation
   * @returns {Result}
   */
  #runWithoutTable({ kind }) {
    const { isWrite, reads } = this.#operation(kind)
    if (!isWrite) return reads === 'presence' ? false : undefined
    const reason = 'the database is read-only and has no such table'
    throw { code: 'ERR_STORAGE_DENIED', reason, cause: this.#refusal }
  }
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
    this.#parameters = params.map((name) => /** @type {(operation: Operation) => any} */ (PARAMETERS[name]))
    this.#reads = reads
    this.#location = location
  }

  /**
   * @param {Operation} operation
   * @returns {Result}
   */
  run(operation) {
    const values = this.#parameters.map((value) => value(operation))
    if (this.#reads === 'nothing') {
      this.#prepared.run(...values)
      return undefined
    }
    const row = this.#prepared.get(...values)
    const isThere = row !== undefined && row !== null
    if (this.#reads === 'presence') return isThere
    if (!isThere) return undefined
    if (typeof row.state === 'string') return row.state
    throw {
      code: 'ERR_STORAGE_CORRUPT',
      reason: `${this.#location} holds something that is no text as the state of this conversation`,
    }
  }
}

/**
 * Throws if `{ path }` has the file open, through this package's own copy of SQLite. A second copy would destroy it: POSIX
 * locks do not keep two copies in one process apart.
 *
 * @param {any} db
 */
function refuseSecondCopy(db) {
  const main = db
    .prepare('PRAGMA database_list')
    .all()
    .find((/** @type {{ name: string }} */ { name }) => name === 'main')
  if (!main?.file || !isOpenByPath(main.file)) return
  throw {
    code: 'ERR_STORAGE_INVALID_OPTIONS',
    reason: `${main.file} is open in this process already, by a storage with the option "path", and a second copy of SQLite would destroy it; give this database as "db" to both`,
  }
}

/**
 * Returns a row as the native side judges it: all text.
 *
 * @param {object} row
 */
function texts(row) {
  return Object.values(row).map((value) => (value === null ? '' : String(value)))
}

module.exports = { InlineTable }
