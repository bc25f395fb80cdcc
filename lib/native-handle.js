'use strict'

/** @import { Operation } from './handle.js' */

const { Kind } = require('./binding.js')

/** The number of each kind, by its name in an operation. @type {{ [kind in Operation['kind']]: Kind }} */
const KINDS = /** @type {any} */ (
  Object.fromEntries(Object.entries(Kind).map(([name, number]) => [name.toLowerCase(), number]))
)

/** A native store, as an adapter's handle. */
class NativeHandle {
  #native
  #schedule
  /** @type {'native'} */
  mode = 'native'
  modeReason

  /**
   * @param {import('../binding.js').StorageHandle | import('../binding.js').MemoryHandle} native
   * @param {(() => void) | undefined} schedule hands the list of operations over, soon; called after each operation.
   *   `undefined` for a store in memory, which returns results within the call
   * @param {string} modeReason
   */
  constructor(native, schedule, modeReason) {
    this.#native = native
    this.#schedule = schedule
    this.modeReason = modeReason
  }

  get isImmediate() {
    return this.#schedule === undefined
  }

  /** @param {Operation} operation */
  run({ kind, id, text, ttl }) {
    const result = this.#native.submit(KINDS[kind], id, text, ttl)
    this.#schedule?.()
    return result
  }

  close() {
    return this.#native.close()
  }

  /** @param {string} id */
  location(id) {
    return this.#native.location(id)
  }
}

module.exports = { KINDS, NativeHandle }
