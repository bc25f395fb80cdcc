'use strict'

/** @import { Handle, Operation, Result } from './handle.js' */

const { Kind } = require('./binding.js')

/** The number of each kind, by its name in an operation. @type {{ [kind in Operation['kind']]: Kind }} */
const KINDS = /** @type {any} */ (
  Object.fromEntries(Object.entries(Kind).map(([name, number]) => [name.toLowerCase(), number]))
)

/**
 * A native store, as an adapter's handle.
 *
 * @implements {Handle}
 */
class NativeHandle {
  #native
  #schedule
  /** @type {'native'} */
  mode = 'native'
  modeReason
  origin
  canLock = true
  canList = true

  /**
   * @param {import('../binding.js').StorageHandle} native
   * @param {() => void} schedule hands the list of operations over, soon; called after each operation
   * @param {string} modeReason
   * @param {Handle['origin']} [origin]
   */
  constructor(native, schedule, modeReason, origin) {
    this.#native = native
    this.#schedule = schedule
    this.modeReason = modeReason
    this.origin = origin
  }

  /**
   * @param {Operation} operation
   * @param {string} [key] in place of the id, for the native side
   */
  run(operation, key = operation.id) {
    const { kind, ttl, condition, scan } = operation
    const handed = operation.short?.run(this.#native, operation, key, 0)
    const result =
      handed === undefined ? this.#native.submit(KINDS[kind], key, operation.text, ttl, condition, scan) : handed.result
    this.#schedule()
    return /** @type {Promise<Result>} */ (result)
  }

  /** @type {NonNullable<Handle['keepLock']>} */
  keepLock(id, owner, lease, hold, ttl) {
    this.#native.keepLock(id, owner, lease, hold, ttl)
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
