'use strict'

const { clearTimeout, now, setTimeout } = require('./primordials.js')

/** @typedef {{ expire: () => void, at: number }} Deadline */

/**
 * Deadlines that are all equally far away, on one timer: a timer for each operation costs more than the operation's
 * own bookkeeping.
 */
class Deadlines {
  #milliseconds
  /** In the order of their deadlines, as a Set keeps insertion order. @type {Set<Deadline>} */
  #waiting = new Set()
  /** @type {NodeJS.Timeout | undefined} */
  #timer

  /** @param {number} milliseconds */
  constructor(milliseconds) {
    this.#milliseconds = milliseconds
  }

  /**
   * Calls `expire` once the time is over, unless `cancel` is called with what this returns.
   *
   * @param {() => void} expire
   * @returns {Deadline}
   */
  add(expire) {
    const deadline = { expire, at: now() + this.#milliseconds }
    this.#waiting.add(deadline)
    // Keeps the process alive while a reply is due: with a client that has lost it, nothing else would.
    if (this.#timer === undefined) this.#arm(this.#milliseconds)
    return deadline
  }

  /** @param {Deadline} deadline */
  cancel(deadline) {
    this.#waiting.delete(deadline)
    if (this.#waiting.size === 0 && this.#timer !== undefined) {
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
  }

  /** @param {number} milliseconds */
  #arm(milliseconds) {
    this.#timer = setTimeout(() => this.#sweep(), milliseconds)
  }

  #sweep() {
    this.#timer = undefined
    const time = now()
    for (const deadline of this.#waiting) {
      if (deadline.at > time) {
        this.#arm(Math.ceil(deadline.at - time))
        return
      }
      this.#waiting.delete(deadline)
      deadline.expire()
    }
  }
}

module.exports = { Deadlines }
