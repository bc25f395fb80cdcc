'use strict'

/** @import { Handle, Operation, Result, Sidecar, UserHandle } from './handle.js' */

const { HANDED_BACK } = require('./binding.js')
const { cancelFlushAtExit, flushAtExit } = require('./dispatcher.js')
const { clearTimeout, setTimeout } = require('./primordials.js')

/** How long operations wait for the user's object to finish the ones before them, so that they can go natively. In ms. */
const SWITCH_TIMEOUT_MS = 250

/**
 * An operation on the sidecar whose promise is not settled.
 *
 * @typedef {object} InFlight
 * @property {Operation} operation
 * @property {boolean} isHandedBack
 * @property {Promise<Result> | Result} repeated what the user's object makes of it, once it was handed back
 * @property {(() => void) | undefined} resume called once it is repeated
 */

/**
 * Operations on the user's own client or database: natively, on a sidecar, wherever that can stand for the user's object, and
 * on the user's object otherwise.
 *
 * Order: operations change sides only if the other side owes nothing. What the sidecar hands back is repeated on the user's
 * object first, in the order of the calls.
 *
 * @implements {Handle}
 */
class NativeFirst {
  #sidecar
  #user
  /** In call order. @type {Set<InFlight>} */
  #inFlight = new Set()
  /** How many of those were handed back. */
  #handedBack = 0
  /**
   * Operations that were called after something that is still on the other side.
   *
   * @type {{ operation: Operation, resolve: (result: any) => void, reject: (failure: any) => void }[]}
   */
  #waiting = []
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  /** The user's object did not come to rest in time: everything goes there until it does. */
  #staysWithUser = false
  /** @type {(() => void)[]} */
  #onRest = []

  /**
   * @param {Sidecar} sidecar
   * @param {UserHandle} user
   */
  constructor(sidecar, user) {
    this.#sidecar = sidecar
    this.#user = user
    user.onRest = () => {
      this.#staysWithUser = false
      this.#move()
    }
  }

  get mode() {
    return this.#sidecar.whyInline() === undefined ? 'native' : 'inline'
  }

  get modeReason() {
    return this.#sidecar.whyInline() ?? this.#sidecar.nativeReason
  }

  /**
   * @param {Operation} operation
   * @returns {Result | Promise<Result>}
   */
  run(operation) {
    // A sidecar that can be waited for leaves nothing waiting: an operation within the user's transaction must join it.
    if (this.#handedBack > 0) this.#isSidecarAtRest()
    if (this.#waiting.length === 0 && this.#handedBack === 0) {
      const native = this.#native()
      if (native === undefined ? this.#isSidecarAtRest() : this.#user.isAtRest()) return this.#send(native, operation)
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operation, resolve, reject })
      this.#move()
    })
  }

  /** Waits for what is pending. The user's object stays open. */
  async close() {
    while (this.#inFlight.size > 0 || this.#waiting.length > 0) {
      await new Promise((resolve) => this.#onRest.push(() => resolve(undefined)))
    }
    await this.#user.close()
    await this.#sidecar.release()
  }

  /** @param {string} id */
  location(id) {
    return this.#user.location(id)
  }

  /** Repeats what was handed back: the process ends, and no promise will be settled any more. */
  flush() {
    if (this.#sidecar.isHandingBack) this.#isSidecarAtRest()
  }

  #native() {
    return this.#staysWithUser ? undefined : this.#sidecar.handle()
  }

  /** Waits for the sidecar, if it can be waited for within the call, and repeats what it handed back. */
  #isSidecarAtRest() {
    if (this.#inFlight.size === 0) return true
    if (this.#sidecar.drain === undefined) return false
    const handedBack = this.#sidecar.drain()
    for (const entry of [...this.#inFlight].slice(this.#inFlight.size - handedBack)) this.#markHandedBack(entry)
    if (this.#handedBack > 0) this.#repeat()
    return true
  }

  /**
   * @param {Pick<Handle, 'run'> | undefined} native
   * @param {Operation} operation
   */
  #send(native, operation) {
    if (native === undefined) return this.#user.run(operation)
    const result = native.run(operation)
    return typeof result === 'object' ? this.#follow(operation, result) : result
  }

  /**
   * Awaits and does not chain, which would call a `Promise.prototype.then` that someone may have replaced.
   *
   * @param {Operation} operation
   * @param {Promise<Result>} promise
   */
  async #follow(operation, promise) {
    /** @type {InFlight} */
    const entry = { operation, isHandedBack: false, repeated: undefined, resume: undefined }
    this.#inFlight.add(entry)
    this.#sidecar.started?.(operation)
    if (this.#sidecar.drain !== undefined && this.#inFlight.size === 1) flushAtExit(this)
    let result
    try {
      result = await promise
    } catch (failure) {
      this.#sidecar.ended?.(operation)
      if (/** @type {any} */ (failure)?.code === HANDED_BACK) return this.#repeated(entry)
      this.#settled(entry)
      throw failure
    }
    this.#sidecar.ended?.(operation)
    this.#settled(entry)
    return result
  }

  /** @param {InFlight} entry */
  #settled(entry) {
    this.#inFlight.delete(entry)
    this.#move()
  }

  /** @param {InFlight} entry */
  #markHandedBack(entry) {
    if (entry.isHandedBack) return
    entry.isHandedBack = true
    this.#handedBack++
  }

  /**
   * Waits until an operation that was handed back is repeated, and returns its result.
   *
   * @param {InFlight} entry
   */
  async #repeated(entry) {
    // It may have been repeated before this rejection came.
    if (this.#inFlight.has(entry)) {
      this.#markHandedBack(entry)
      await new Promise((resolve) => {
        entry.resume = () => resolve(undefined)
        this.#move()
      })
    }
    return entry.repeated
  }

  /** Does again, in call order, what was handed back. Everything else on the sidecar is done. */
  #repeat() {
    this.#sidecar.retire()
    const entries = [...this.#inFlight].filter((entry) => entry.isHandedBack)
    this.#handedBack = 0
    for (const entry of entries) {
      this.#inFlight.delete(entry)
      entry.repeated = runCaught(this.#user, entry.operation)
      entry.resume?.()
    }
  }

  /** Sends what waits, as soon as the order allows it. */
  #move() {
    if (this.#inFlight.size > this.#handedBack) return
    if (this.#handedBack > 0) this.#repeat()
    cancelFlushAtExit(this)
    if (this.#waiting.length > 0) {
      const native = this.#native()
      if (native !== undefined && !this.#user.isAtRest()) {
        this.#timer ??= setTimeout(() => this.#stayWithUser(), SWITCH_TIMEOUT_MS)
        return
      }
      clearTimeout(this.#timer)
      this.#timer = undefined
      for (const { operation, resolve, reject } of this.#waiting.splice(0)) {
        try {
          resolve(this.#send(native, operation))
        } catch (failure) {
          reject(failure)
        }
      }
    }
    for (const resolve of this.#onRest.splice(0)) resolve()
  }

  /** The user's client is slow, or has lost a reply for good: what waits must not wait for that. */
  #stayWithUser() {
    this.#timer = undefined
    this.#staysWithUser = true
    this.#move()
  }
}

/**
 * @param {UserHandle} user
 * @param {Operation} operation
 */
async function start(user, operation) {
  return user.run(operation)
}

/**
 * Runs an operation whose result is awaited later: until then its failure must not count as unhandled.
 *
 * @param {UserHandle} user
 * @param {Operation} operation
 */
function runCaught(user, operation) {
  const promise = start(user, operation)
  promise.catch(() => {})
  return promise
}

module.exports = { NativeFirst }
