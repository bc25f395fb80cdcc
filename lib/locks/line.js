'use strict'

/** @import { Call } from '../errors.js' */

const { clearTimeout, now, setTimeout } = require('../primordials.js')

/**
 * @typedef {object} Patience
 * @property {Call} call names the errors
 * @property {number} arrived when the wait began, as `now()` has it
 * @property {number} wait ms from then
 * @property {number} queue how many may wait
 * @property {AbortSignal | undefined} signal ends the wait
 */

/** Those that want the same thing, one after another. First come, first served. */
class Line {
  /** In order of arrival: lets one go, and ends its wait with an error. @type {Map<() => void, (error: unknown) => void>} */
  #waiting = new Map()
  #isBusy = false

  /** How many wait, without the one whose turn it is. */
  get length() {
    return this.#waiting.size
  }

  /**
   * Returns `undefined` if the turn is had at once, else a promise that resolves when it is. The promise rejects if the wait is
   * over, or with the reason of the signal. Whoever has the turn calls `next()` once it is over.
   *
   * @param {Patience} patience
   * @returns {Promise<void> | undefined}
   */
  enter({ call, arrived, wait, queue, signal }) {
    if (!this.#isBusy) {
      this.#isBusy = true
      return undefined
    }
    if (wait === 0) throw stillLocked(call, wait)
    if (this.#waiting.size >= queue) {
      throw call.error('ERR_STORAGE_TIMEOUT', `${this.#waiting.size} others wait for it already; nothing was done`)
    }
    return new Promise((resolve, reject) => {
      const go = () => {
        forget()
        resolve()
      }
      /** @param {unknown} error */
      const drop = (error) => {
        forget()
        reject(error)
      }
      const abort = () => {
        // Not to be removed one by one: with many that wait by one signal, each removal looks at all of them.
        isListening = false
        drop(signal?.reason)
      }
      const timer = setTimeout(() => drop(stillLocked(call, wait)), Math.max(0, arrived + wait - now()))
      const forget = () => {
        this.#waiting.delete(go)
        clearTimeout(timer)
        if (isListening) signal?.removeEventListener('abort', abort)
      }
      let isListening = signal !== undefined
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.set(go, drop)
    })
  }

  /** Ends the turn and begins the next one. Returns whether somebody had waited for it. */
  next() {
    for (const go of this.#waiting.keys()) {
      go()
      return true
    }
    this.#isBusy = false
    return false
  }

  /**
   * Ends the wait of all.
   *
   * @param {() => Error} error
   */
  dropAll(error) {
    for (const drop of [...this.#waiting.values()]) drop(error())
  }
}

/**
 * @param {Call} call
 * @param {number} wait ms
 */
function stillLocked(call, wait) {
  return call.error('ERR_STORAGE_TIMEOUT', `it was still locked after ${wait} ms; nothing was done`)
}

exports.Line = Line
exports.stillLocked = stillLocked
