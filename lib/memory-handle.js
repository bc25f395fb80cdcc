'use strict'

/** @import { Failure, Handle, Operation, Result } from './handle.js' */

const { MemoryHandle } = require('./binding.js')
const { KINDS } = require('./native-handle.js')

/**
 * Does operations in native memory, within the call.
 *
 * @implements {Handle}
 */
class Memory {
  #native
  /** @type {'native'} */
  mode = 'native'
  modeReason = 'states are kept in native memory'
  isImmediate = true
  canLock = true
  canList = true

  /** @type {InstanceType<typeof import('./monitor.js').Monitor>} */
  #monitor
  /** Whether anything is ever forgotten. */
  #isLimited
  /** Whether what is forgotten is noted. */
  #isNoting = false

  /**
   * @param {import('../binding.js').MemoryOptions} options
   * @param {InstanceType<typeof import('./monitor.js').Monitor>} monitor
   */
  constructor(options, monitor) {
    this.#native = new MemoryHandle(options, monitor.native)
    this.#monitor = monitor
    this.#isLimited = options.maxConversations !== undefined || options.maxBytes !== undefined
  }

  /**
   * Throws a `Failure`.
   *
   * @param {Operation} operation
   * @returns {Result}
   */
  run(operation) {
    const { kind, id, ttl, condition, scan } = operation
    if (this.#isLimited) this.#noteEvictions(this.#monitor.hearsEvictions)
    // As it is at this moment: fake timers of tests move the time at which conversations expire.
    const now = Number(Date.now())
    const handed = operation.short?.run(this.#native, operation, id, now)
    const result = /** @type {Result | Failure} */ (
      handed === undefined
        ? this.#native.submit(now, KINDS[kind], id, operation.text, ttl, condition, scan)
        : handed.result
    )
    if (this.#isNoting) for (const evicted of this.#native.takeEvicted()) this.#monitor.evicted(evicted)
    if (typeof result === 'object' && 'code' in result) throw result
    return result
  }

  memory() {
    return this.#native.usage()
  }

  /** @param {boolean} wanted */
  #noteEvictions(wanted) {
    if (wanted === this.#isNoting) return
    this.#isNoting = wanted
    this.#native.noteEvictions(wanted)
  }

  close() {
    this.#native.close()
  }

  location() {
    return this.#native.location('')
  }
}

module.exports = { Memory }
