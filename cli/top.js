'use strict'

/**
 * Keeps the first `limit` of many things by an order, in room for twice as many.
 *
 * @template T
 */
class Top {
  #limit
  #compare
  /** @type {T[]} */
  #kept = []

  /**
   * @param {number} limit
   * @param {(a: T, b: T) => number} compare negative if `a` comes first
   */
  constructor(limit, compare) {
    this.#limit = limit
    this.#compare = compare
  }

  /** @param {T} item */
  add(item) {
    this.#kept.push(item)
    if (this.#kept.length >= 2 * this.#limit + 100) this.#kept = this.items()
  }

  /** Returns them in order. */
  items() {
    return this.#kept.sort(this.#compare).slice(0, this.#limit)
  }
}

module.exports = { Top }
