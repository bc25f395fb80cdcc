'use strict'

// Taken now, so that a test's fake timers do not stop real storage.
const startTimer = setTimeout
const stopTimer = clearTimeout

/**
 * Deadlines that are all equally far away, on one timer: a timer for each operation costs more than the operation's
 * own bookkeeping.
 */
class Deadlines {
  #milliseconds
  /** In the order of their deadlines, as a Set keeps insertion order. */
  #waiting = new Set()
  #timer

  constructor(milliseconds) {
    this.#milliseconds = milliseconds
  }

  /** Calls `expire` once the time is over, unless `cancel` is called with what this returns. */
  add(expire) {
    const entry = { expire, at: performance.now() + this.#milliseconds }
    this.#waiting.add(entry)
    // Keeps the process alive while an answer is due: with a client that has lost it, nothing else would.
    if (this.#timer === undefined) this.#arm(this.#milliseconds)
    return entry
  }

  cancel(entry) {
    this.#waiting.delete(entry)
    if (this.#waiting.size === 0 && this.#timer !== undefined) {
      stopTimer(this.#timer)
      this.#timer = undefined
    }
  }

  #arm(milliseconds) {
    this.#timer = startTimer(() => this.#sweep(), milliseconds)
  }

  #sweep() {
    this.#timer = undefined
    const now = performance.now()
    for (const entry of this.#waiting) {
      if (entry.at > now) {
        this.#arm(Math.ceil(entry.at - now))
        return
      }
      this.#waiting.delete(entry)
      entry.expire()
    }
  }
}

module.exports = { Deadlines }
