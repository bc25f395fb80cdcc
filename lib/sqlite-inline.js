'use strict'

const { explainSqlite } = require('./binding.js')
const { isFailure } = require('./errors.js')
const { flushAtExit, nothingAtExit } = require('./dispatcher.js')
const { describe, inTransaction, isClosed, isLock, isOccupied, isOpen, sqliteError } = require('./sqlite-database.js')
const { InlineTable } = require('./sqlite-table.js')

// Taken now, so that a test's fake timers do not stop real storage.
const later = setTimeout
const settled = Promise.resolve()
// The engine's own, whatever is put in its place later: operations would wait for ever.
const then = Function.prototype.call.bind(Promise.prototype.then)

/** How long, and how often, a connection that is occupied (an open row iterator) is tried again, in ms. */
const OCCUPIED_PATIENCE = 5000
const OCCUPIED_PAUSE = 5

/**
 * The operations of all storages on one connection of the user's. Everything that waits at the end of a tick is done in
 * one transaction, so that it shares one disk sync. Inside a transaction of the user's, an operation is done at once,
 * within the call: it joins, sees what is not committed, and is rolled back with it.
 */
class InlineQueue {
  #db
  #waiting = []
  #scheduled = false
  #occupiedSince

  constructor(db) {
    this.#db = db
  }

  /** @returns {Promise<string | undefined>} */
  enqueue(table, run, isWrite) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ table, run, isWrite, resolve, reject })
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
    // Each time: once the process is ending, it does the operation at once.
    flushAtExit(this)
    if (this.#scheduled) return
    this.#scheduled = true
    then(settled, () => {
      this.#scheduled = false
      this.flush()
    })
  }

  get isEmpty() {
    return this.#waiting.length === 0
  }

  /** Does everything that waits, now. */
  flush() {
    nothingAtExit(this)
    const batch = this.#waiting
    this.#waiting = []
    if (batch.length === 0) return
    let outcomes
    let again = false
    try {
      outcomes = this.#perform(batch)
      again = this.#mustTryAgain(outcomes)
    } catch (error) {
      // Whatever the user's database object did: nobody above would catch it, and the promises would never settle.
      outcomes = batch.map(() => ({ error: unusable(error) }))
    }
    if (again) {
      this.#waiting = batch.concat(this.#waiting)
      flushAtExit(this)
      later(() => this.flush(), OCCUPIED_PAUSE)
      return
    }
    for (const [index, { resolve, reject }] of batch.entries()) {
      const { value, error } = outcomes[index]
      if (error === undefined) resolve(value)
      else reject(error)
    }
  }

  /** Where the connection is occupied nothing of a batch has taken effect, as long as we are outside of transactions. */
  #mustTryAgain(outcomes) {
    const occupied = outcomes.some(({ error }) => isOccupied(error?.cause)) && inTransaction(this.#db) !== true
    if (!occupied) {
      this.#occupiedSince = undefined
      return false
    }
    this.#occupiedSince ??= performance.now()
    return performance.now() - this.#occupiedSince < OCCUPIED_PATIENCE
  }

  /** One outcome for each operation. */
  #perform(batch) {
    const isSimple = batch.length === 1 || !batch.some(({ isWrite }) => isWrite)
    const direct = isSimple || inTransaction(this.#db) === true || !isOpen(this.#db)
    return (direct ? undefined : this.#together(batch)) ?? batch.map((operation) => this.#one(operation))
  }

  /** One transaction around all; `undefined` where they have to be done one by one. */
  #together(batch) {
    try {
      this.#db.exec('BEGIN IMMEDIATE')
    } catch (error) {
      return this.#withoutLock(batch, error)
    }
    try {
      const outcomes = batch.map((operation) => this.#one(operation))
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
   * The outcomes where the write lock is not to be had; `undefined` where that was not the matter. It has been waited
   * for as long as the user's busy timeout says, with the event loop blocked: not again for each operation.
   */
  #withoutLock(batch, error) {
    if (!isLock(error) && !isOccupied(error)) return undefined
    return batch.map((operation) => (operation.isWrite ? { error: this.#explain(error) } : this.#one(operation)))
  }

  #rollBack() {
    try {
      if (inTransaction(this.#db) !== false) this.#db.exec('ROLLBACK')
    } catch {} // It was rolled back already, or the connection is closed.
  }

  #one({ table, run }) {
    try {
      // libsql goes on answering after `close()`.
      if (table !== undefined && !isOpen(this.#db)) throw new TypeError('The database connection is not open')
      return { value: table?.perform(this.#db, run) }
    } catch (error) {
      return { error: this.#explain(error) }
    }
  }

  /** What an exception means, with the exception itself as the cause. */
  #explain(error) {
    try {
      return this.#classify(error)
    } catch {
      // The error, or the database, throws when it is looked at.
      return unusable(error)
    }
  }

  #classify(error) {
    if (isFailure(error)) return error
    if (isClosed(this.#db, error)) {
      return { code: 'ERR_STORAGE_CLOSED', reason: 'the database connection was closed', cause: error }
    }
    const known = sqliteError(error)
    const place = describe(this.#db)
    if (known !== undefined) {
      const { code, reason } = explainSqlite(known.code, known.message, place)
      return { code, reason, cause: error }
    }
    if (isOccupied(error)) {
      const reason = `${place} is busy with a row iterator of the application; finish it and try again`
      return { code: 'ERR_STORAGE_UNAVAILABLE', reason, cause: error }
    }
    return { code: 'ERR_STORAGE_INTERNAL', reason: `${place} refused a statement; please report it`, cause: error }
  }
}

function unusable(cause) {
  return { code: 'ERR_STORAGE_INTERNAL', reason: 'the database refused a statement; please report it', cause }
}

/** One queue for each connection, shared by all storages on it. */
const QUEUES = new WeakMap()

function queueOf(db) {
  let queue = QUEUES.get(db)
  if (queue === undefined) {
    queue = new InlineQueue(db)
    QUEUES.set(db, queue)
  }
  return queue
}

/** One table of the user's database, as an adapter's handle. */
class InlineSqlite {
  #db
  #queue
  #table

  constructor(db, table) {
    this.#db = db
    this.#queue = queueOf(db)
    this.#table = new InlineTable(db, table)
  }

  save(id, text) {
    return this.#queue.enqueue(this.#table, (statements) => statements.save(id, text), true)
  }

  load(id) {
    return this.#queue.enqueue(this.#table, (statements) => statements.load(id), false)
  }

  delete(id) {
    return this.#queue.enqueue(this.#table, (statements) => statements.delete(id), true)
  }

  /** The text under `id`, now. Throws as the database does, or what an operation is rejected with. */
  read(id) {
    return this.#table.perform(this.#db, (statements) => statements.load(id))
  }

  /** Does everything that waits, now. Answers whether that was possible. */
  flush() {
    if (!this.#queue.isEmpty) this.#queue.flush()
    return this.#queue.isEmpty
  }

  /** Makes or checks the table, now. Answers whether it is there; throws as an operation would be rejected. */
  ensure() {
    return this.#table.ensure(this.#db)
  }

  /** Waits for what is pending. The connection is the user's and stays open. */
  close() {
    return this.#queue.enqueue(undefined, undefined, false)
  }

  place() {
    return this.#table.place
  }
}

module.exports = { InlineSqlite }
