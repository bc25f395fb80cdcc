'use strict'

// Taken now, so that a test's fake timers do not stop real storage.
const immediate = setImmediate
const now = performance.now.bind(performance)

/**
 * How long one turn of the event loop may be spent on reading, in ms. What comes beyond that is read by the writer's
 * thread, which lets the event loop turn.
 */
const MS_PER_TURN = 1

/** A read that takes longer, in ms, waited for the disk, or was of a large state. */
const SLOW_MS = 0.5

/** For so many times as long as a slow read took, no other is done here: they take a hundredth of the time at most. */
const PAUSE = 100

let spent = 0
let pausedUntil = 0
let turning = false

function nextTurn() {
  turning = false
  spent = 0
}

/**
 * Reads on the JavaScript thread, on the user's own connection: of a page that SQLite has in memory that takes less of
 * this thread's time than to wake another and to be woken by it (measured, a load of 2 KB: 14 against 53 microseconds, and
 * 100 until it is there). All storages of a thread share the time.
 *
 * @param {() => string | undefined} read
 * @returns {{ text: string | undefined } | undefined} nothing where it is not to be done here, or did not work
 */
function readHere(read) {
  const began = now()
  if (spent >= MS_PER_TURN || began < pausedUntil) return undefined
  let text
  try {
    text = read()
  } catch {
    // The other thread meets the same, and says what it is.
    return undefined
  } finally {
    const took = now() - began
    spent += took
    if (took > SLOW_MS) pausedUntil = began + PAUSE * took
    if (!turning) {
      turning = true
      immediate(nextTurn)
    }
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
