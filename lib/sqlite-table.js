'use strict'

const { isOpenByPath, judgeSqliteTable, sqliteStatements } = require('./binding.js')
const { describe, inTransaction, isReadOnly } = require('./sqlite-database.js')

/** One table on the user's connection: made or checked at the first operation, its statements prepared once. */
class InlineTable {
  #name
  #path
  #sql
  #statements
  #checked = false
  /** What the database said when the table could not be made. */
  #refusal

  constructor(db, name) {
    this.#name = name
    this.#path = describe(db)
    this.#sql = sqliteStatements(this.#path, name)
  }

  get place() {
    return this.#sql.place
  }

  /**
   * Calls `run` with the statements, within whatever transaction is open. Throws what the database throws, or an object
   * with `code` and `reason`.
   */
  perform(db, run) {
    if (!this.ensure(db)) return run(nothing(this.#refusal))
    try {
      this.#statements ??= new Statements(db, this.#sql)
      return run(this.#statements)
    } catch (error) {
      // Such as "no such table", or statements finalized because the connection was closed and opened again: the next
      // operation looks anew.
      this.#checked = false
      this.#statements = undefined
      throw error
    }
  }

  /** Makes the table where it is missing and checks it. Answers whether it is there: a read-only database may lack it. */
  ensure(db) {
    if (this.#checked) return true
    if (!this.#find(db)) return false
    // A transaction of the user's may yet take the table away again.
    this.#checked = inTransaction(db) === false
    return true
  }

  /** A transaction of our own that used the table is committed: what was found out within it stands. */
  committed() {
    if (this.#statements !== undefined) this.#checked = true
  }

  #find(db) {
    const { create, kind, columns, unique } = this.#sql
    refuseSecondCopy(db)
    const rows = (sql) => db.prepare(sql).all(this.#name).map(texts)
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
}

class Statements {
  #upsert
  #get
  #delete
  #place

  constructor(db, { upsert, get, delete: remove, place }) {
    this.#upsert = db.prepare(upsert)
    this.#get = db.prepare(get)
    this.#delete = db.prepare(remove)
    this.#place = place
  }

  save(id, text) {
    this.#upsert.run(id, text, Date.now())
  }

  load(id) {
    const row = this.#get.get(id)
    if (row === undefined || row === null) return undefined
    if (typeof row.state === 'string') return row.state
    throw {
      code: 'ERR_STORAGE_CORRUPT',
      reason: `${this.#place} holds something that is no text as the state of this conversation`,
    }
  }

  delete(id) {
    this.#delete.run(id)
  }
}

/**
 * A file that `{ path }` has open, through this package's own copy of SQLite, would be destroyed by a second copy: POSIX
 * locks do not keep two copies in one process apart.
 */
function refuseSecondCopy(db) {
  const main = db
    .prepare('PRAGMA database_list')
    .all()
    .find(({ name }) => name === 'main')
  if (!main?.file || !isOpenByPath(main.file)) return
  throw {
    code: 'ERR_STORAGE_INVALID_OPTIONS',
    reason: `${main.file} is open in this process already, by a storage with the option "path", and a second copy of SQLite would destroy it; give this database as "db" to both`,
  }
}

/** Stands for the statements on a table that a read-only database does not have. */
function nothing(cause) {
  const denied = () => {
    throw { code: 'ERR_STORAGE_DENIED', reason: 'the database is read-only and has no such table', cause }
  }
  return { load: () => undefined, save: denied, delete: denied }
}

/** A row as the native side judges it: all text. */
function texts(row) {
  return Object.values(row).map((value) => (value === null ? '' : String(value)))
}

module.exports = { InlineTable }
