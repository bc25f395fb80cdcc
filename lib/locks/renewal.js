'use strict'

/** @import { Entered, Handle } from '../handle.js' */

const { letLockGo } = require('../binding.js')
const { clearTimeout, setTimeout } = require('../primordials.js')

/** Keeps a held lock alive: by a timer, and natively also while the event loop is blocked. */
class Renewal {
  #handle
  #id
  #ttl
  #told
  /** @type {NodeJS.Timeout | undefined} */
  #timer

  /**
   * @param {Handle} handle
   * @param {string} id
   * @param {number} ttl seconds until the conversation expires while nobody has it
   * @param {(owner: string, entered: Entered | undefined) => void} told is given each reply; `undefined` if a renewal failed
   */
  constructor(handle, id, ttl, told) {
    this.#handle = handle
    this.#id = id
    this.#ttl = ttl
    this.#told = told
  }

  /**
   * Renews the lock after a third of the lease. Nothing else can reach a store in memory.
   *
   * @param {string} owner
   * @param {number} lease ms
   * @param {number} hold ms for which it is kept at most
   */
  start(owner, lease, hold) {
    if (this.#handle.isImmediate) return
    this.#handle.keepLock?.(this.#id, owner, lease, hold, this.#ttl)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#renew(owner, lease), lease / 3)
    // A function that waits for nothing must not be kept alive by its lock.
    this.#timer.unref()
  }

  /** @param {string} owner */
  stop(owner) {
    clearTimeout(this.#timer)
    if (this.#handle.keepLock !== undefined) letLockGo(owner)
  }

  /**
   * @param {string} owner
   * @param {number} lease ms
   */
  async #renew(owner, lease) {
    // Without a place in the line: a lock that is lost stays lost.
    const condition = { owner, lease, patience: 0, waited: 0, wantsText: false }
    let entered
    try {
      entered = /** @type {Entered} */ (
        await this.#handle.run({ kind: 'enter', id: this.#id, ttl: this.#ttl, condition })
      )
    } catch {} // The lease has two more thirds.
    this.#told(owner, entered)
  }
}

exports.Renewal = Renewal
