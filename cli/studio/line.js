'use strict'

/** How many may wait. A browser asks for two things at a time. */
const MOST_WAITING = 16

/** Does one thing at a time, in order of arrival. */
class Line {
  #waiting = 0
  /** @type {Promise<unknown>} */
  #last = Promise.resolve()

  /**
   * Resolves with what `work` resolves with. Rejects with the HTTP status 503 if too many wait.
   *
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async run(work) {
    if (this.#waiting >= MOST_WAITING) {
      throw Object.assign(new Error('Too many requests wait. Try again.'), { status: 503 })
    }
    this.#waiting++
    const before = this.#last
    const result = before.then(work, work)
    this.#last = result
    try {
      return await result
    } finally {
      this.#waiting--
    }
  }
}

module.exports = { Line }
