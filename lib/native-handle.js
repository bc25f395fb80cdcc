'use strict'

/** @import { Operation } from './handle.js' */

const { Kind } = require('./binding.js')

/** The number of each kind, by its name in an operation. @type {{ [kind in Operation['kind']]: Kind }} */
const KINDS = /** @type {any} */ (
  Object.fromEntries(Object.entries(Kind).map(([name, number]) => [name.toLowerCase(), number]))
)

/** A store off the event loop, as an adapter's handle. Puts each operation on the hand-over list and sees to the hand-over. */
class NativeHandle {
  #native
  #schedule
  /** @type {'native'} */
  mode = 'native'
  modeReason

  /**
   * @param {import('../binding.js').StorageHandle} native
   * @param {() => void} schedule hands the list over, soon; called after each operation
   * @param {string} modeReason
   */
  constructor(native, schedule, modeReason) {
    this.#native = native
    this.#schedule = schedule
    this.modeReason = modeReason
  }

  /** @param {Operation} operation */
  run({ kind, id, text, ttl }) {
    const promise = this.#native.submit(KINDS[kind], id, text, ttl)
    this.#schedule()
    return promise
  }

  close() {
    return this.#native.close()
  }

  /** @param {string} id */
  location(id) {
    return this.#native.location(id)
  }
}

/** A store in memory, as an adapter's handle. Returns results within the call. */
class ImmediateHandle {
  #native
  /** @type {'native'} */
  mode = 'native'
  modeReason
  isImmediate = true

  /**
   * @param {import('../binding.js').MemoryHandle} native
   * @param {string} modeReason
   */
  constructor(native, modeReason) {
    this.#native = native
    this.modeReason = modeReason
  }

  /** @param {Operation} operation */
  run({ kind, id, text, ttl }) {
    return this.#native.submit(KINDS[kind], id, text, ttl)
  }

  close() {
    this.#native.close()
  }

  /** @param {string} id */
  location(id) {
    return this.#native.location(id)
  }
}

module.exports = { ImmediateHandle, KINDS, NativeHandle }
