'use strict'

const { isTimeLeft, now, spend } = require('./turn-budget.js')

/**
 * Reads on the JavaScript thread, on the user's own connection: of a page that SQLite has in memory that takes less of
 * this thread's time than to wake another and to be woken by it (measured, a load of 2 KB: 14 against 53 microseconds, and
 * 100 until it is there).
 *
 * @param {() => string | undefined} read
 * @returns {{ text: string | undefined } | undefined} nothing where it is not to be done here, or did not work
 */
function readHere(read) {
  const began = now()
  if (!isTimeLeft(began)) return undefined
  let text
  try {
    text = read()
  } catch {
    // The other thread meets the same, and says what it is.
    return undefined
  } finally {
    spend(began)
  }
  return { text }
}

/** The ids of conversations whose saves and deletes are under way on one connection, of all storages on it. */
class WritesUnderWay {
  #counts = new Map()

  add(id) {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
  }

  remove(id) {
    const left = this.#counts.get(id) - 1
    if (left === 0) this.#counts.delete(id)
    else this.#counts.set(id, left)
  }

  has(id) {
    return this.#counts.has(id)
  }
}

/** One for each connection. */
const UNDER_WAY = new WeakMap()

function writesUnderWay(db) {
  let writes = UNDER_WAY.get(db)
  if (writes === undefined) {
    writes = new WritesUnderWay()
    UNDER_WAY.set(db, writes)
  }
  return writes
}

module.exports = { readHere, writesUnderWay }
