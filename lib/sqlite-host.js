'use strict'

const { linkHost } = require('./binding.js')
const { flushAtExit, getDispatcher, nothingAtExit, scheduleHandOver } = require('./dispatcher.js')
const { describe, inTransaction, isOccupied, isOpen } = require('./sqlite-database.js')
const { InlineSqlite } = require('./sqlite-inline.js')
const { readHere, writesUnderWay } = require('./sqlite-reads.js')

/** The code of an operation that our connection could not do (`crates/store/src/sqlite/returns.rs`). */
const RETURNED = 'FLOWKIT_HANDED_BACK'

/**
 * One table of the user's database, as an adapter's handle: off the event loop, on a connection of our own, wherever that
 * is possible and safe ("native"), and on the user's connection otherwise ("inline").
 */
class HostSqlite {
  #db
  #table
  #inline
  /** Our connection, and the handle on it. */
  #link
  #native
  /** Why there is no native handle; `undecided` as long as it may come yet. */
  #reason = 'no operation was called yet; the first one decides'
  #undecided = true
  /** Native operations whose promises are not settled. */
  #pending = 0
  #writes
  /** The second attempts at operations that our connection could not do, in order. */
  #repeats = []

  constructor(db, table, mode) {
    this.#db = db
    this.#table = table
    this.#inline = new InlineSqlite(db, table)
    this.#writes = writesUnderWay(db)
    if (mode === 'inline') this.#stayInline('the option "mode" says so')
  }

  get mode() {
    return this.#native === undefined ? 'inline' : 'native'
  }

  get modeReason() {
    return this.#native === undefined ? this.#reason : "a connection of our own, through the database's own SQLite"
  }

  save(id, text) {
    return this.#isNative() ? this.#write('save', id, text) : this.#inline.save(id, text)
  }

  load(id) {
    if (!this.#isNative()) return this.#inline.load(id)
    // The other thread has all that was called before on this conversation; the user's connection only what is committed.
    if (!this.#writes.has(id) && this.#link.mayReadHere()) {
      const found = readHere(() => this.#inline.read(id))
      if (found !== undefined) return found.text
    }
    return this.#follow(this.#native.load(id))
  }

  delete(id) {
    return this.#isNative() ? this.#write('delete', id) : this.#inline.delete(id)
  }

  /** Waits for what is pending. The connection is the user's and stays open. */
  async close() {
    const done = this.#native?.close()
    if (done !== undefined) scheduleHandOver()
    await done
    await this.#inline.close()
  }

  place() {
    return this.#inline.place()
  }

  /** The end of the process: nobody will settle promises any more, so what was given back is repeated from here. */
  flush() {
    if (this.#native !== undefined && this.#link.whyReturned() != null) this.#giveUp()
  }

  #write(method, id, text) {
    const promise = this.#native[method](id, text)
    this.#writes.add(id)
    return this.#follow(promise, id)
  }

  /**
   * Awaited and not chained, which would call a `Promise.prototype.then` that someone may have replaced. `written` is the
   * id of a save or delete.
   */
  async #follow(promise, written) {
    scheduleHandOver()
    if (this.#pending++ === 0) flushAtExit(this)
    let value
    try {
      value = await promise
    } catch (failure) {
      this.#settled(written)
      if (failure?.code !== RETURNED) throw failure
      this.#giveUp()
      return this.#repeats.shift()
    }
    this.#settled(written)
    return value
  }

  #settled(written) {
    if (written !== undefined) this.#writes.remove(written)
    if (--this.#pending === 0) nothingAtExit(this)
  }

  /** Whether the next operation goes to our own connection. */
  #isNative() {
    if (this.#native === undefined && !this.#undecided) return false
    if (!isOpen(this.#db)) return false
    if (inTransaction(this.#db) !== false) {
      // Our connection is at rest: what it had was done, or given back, before the transaction could begin.
      this.flush()
      return false
    }
    // What waits there was called earlier. It cannot be done now if the connection is occupied: then behind it.
    if (!this.#inline.flush()) return false
    return this.#native !== undefined || this.#decide()
  }

  #decide() {
    const refusal = refuse(this.#db)
    if (refusal !== undefined) return this.#stayInline(refusal)
    try {
      if (!this.#inline.ensure()) return this.#notYet('the database is read-only and has no such table')
    } catch (error) {
      // The operation will meet the same on the user's connection, and report it.
      return this.#notYet(error?.reason ?? error?.message)
    }
    const dispatcher = getDispatcher()
    let answer
    try {
      answer = linkHost(dispatcher, (file, entry) => this.#load(file, entry), describe(this.#db), this.#table)
    } catch (error) {
      if (isOccupied(error)) return this.#notYet('the connection is busy with a row iterator or a function')
      return this.#stayInline(`loadExtension refused: ${error?.message}`)
    }
    if (typeof answer === 'string') return this.#stayInline(answer)
    this.#link = answer
    this.#native = answer.handle(dispatcher)
    this.#undecided = false
    return true
  }

  #load(file, entry) {
    // node:sqlite takes the entry point only in some versions; it finds the default one.
    if (isNodeSqlite(this.#db)) this.#db.loadExtension(file)
    else this.#db.loadExtension(file, entry)
  }

  #notYet(reason) {
    this.#reason = reason
    return false
  }

  #stayInline(reason) {
    this.#undecided = false
    this.#native = undefined
    return this.#notYet(reason)
  }

  /**
   * Our connection lacks something of the user's: everything that it gave back is repeated on the user's, in order, and
   * everything later goes there too. It is drained first, or a later operation could overtake one that it still has.
   */
  #giveUp() {
    if (this.#native === undefined) return
    this.#link.drain()
    const reason = this.#link.whyReturned()
    this.#stayInline(`our own connection cannot do what the database asks for: ${reason}`)
    for (const { method, id, text } of this.#link.takeReturned()) {
      const repeat = this.#inline[method](id, text)
      // Whoever waits for it comes later: until then its failure must not count as unhandled.
      repeat.catch(() => {})
      this.#repeats.push(repeat)
    }
    this.#inline.flush()
  }
}

/**
 * Why `db` must not even be asked to load an extension; nothing where it may. libsql looks like better-sqlite3, but its
 * `loadExtension` aborts the process. Only better-sqlite3 and its builds have `open` as an own accessor.
 */
function refuse(db) {
  if (isNodeSqlite(db)) return db.location() === null ? 'the database is in memory' : undefined
  const { get } = Object.getOwnPropertyDescriptor(db, 'open') ?? {}
  if (typeof get !== 'function' || typeof db.loadExtension !== 'function') return 'the database is no better-sqlite3'
  if (db.memory !== false || db.name === '') return 'the database is in memory or temporary'
  if (typeof db.name !== 'string' || /^fd:\d+$/.test(db.name)) return 'the database has no file name'
  return undefined
}

/** By its shape: to load `node:sqlite` for `instanceof` prints a warning. */
function isNodeSqlite(db) {
  return (
    db.constructor?.name === 'DatabaseSync' &&
    typeof db.isOpen === 'boolean' &&
    typeof db.location === 'function' &&
    typeof db.enableLoadExtension === 'function' &&
    typeof db.loadExtension === 'function'
  )
}

module.exports = { HostSqlite }
