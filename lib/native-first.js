'use strict'

/** @import { Failure, Handle, Operation, Result, Sidecar, UserHandle } from './handle.js' */

const { HANDED_BACK, IN_DOUBT } = require('./binding.js')
const { cancelFlushAtExit, flushAtExit } = require('./dispatcher.js')
const { clearTimeout, setTimeout } = require('./primordials.js')
const { keepDoubt, runCaught } = require('./repeats.js')

/** How long operations wait for the user's object to finish the ones before them, so that they can go natively. In ms. */
const SWITCH_TIMEOUT_MS = 250

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
  #monitor
  #sidecar
  #user
  /** Operations on the sidecar whose promises are not settled, in call order. @type {Set<Operation>} */
  #inFlight = new Set()
  /** Those of them that were handed back, and are not repeated yet. @type {Set<Operation>} */
  #handedBack = new Set()
  /** The promises of operations that are repeated on the user's object. @type {Map<Operation, Promise<Result>>} */
  #repeats = new Map()
  /** Resume operations that wait to be repeated. @type {(() => void)[]} */
  #onRepeat = []
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
  /** Where the last native operation went. @type {Pick<Handle, 'run'> | undefined} */
  #way
  /** How the last operation travelled. @type {Handle['mode'] | undefined} */
  #lastMode

  /**
   * @param {InstanceType<typeof import('./monitor.js').Monitor>} monitor
   * @param {Sidecar} sidecar
   * @param {UserHandle} user
   */
  constructor(monitor, sidecar, user) {
    this.#monitor = monitor
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

  get canLock() {
    return this.#user.canLock === true
  }

  get whyNoLocks() {
    return this.#user.whyNoLocks
  }

  get origin() {
    return this.#user.origin
  }

  get canList() {
    return this.#user.canList === true
  }

  get whyNoList() {
    return this.#user.whyNoList
  }

  /** @type {NonNullable<Handle['keepLock']>} */
  keepLock(id, owner, lease, hold, ttl) {
    this.#native()?.keepLock?.(id, owner, lease, hold, ttl)
  }

  /**
   * @param {Operation} operation
   * @returns {Result | Promise<Result>}
   */
  run(operation) {
    // A sidecar that can be waited for leaves nothing waiting: an operation within the user's transaction must join it.
    if (this.#handedBack.size > 0) this.#isSidecarAtRest()
    if (this.#waiting.length === 0 && this.#handedBack.size === 0) {
      const native = this.#native()
      if (this.#mayGo(native)) return this.#send(native, operation)
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

  /**
   * Returns whether the order allows the next operation to go there. What is in flight on a connection that has ended may
   * still be handed back: on a new one, a later write would overtake it, and be overwritten by its repeat.
   *
   * @param {Pick<Handle, 'run'> | undefined} native
   */
  #mayGo(native) {
    if (native === undefined) return this.#isSidecarAtRest()
    return (native === this.#way || this.#isSidecarAtRest()) && this.#user.isAtRest()
  }

  #native() {
    return this.#staysWithUser ? undefined : this.#sidecar.handle()
  }

  /** Waits for the sidecar, if it can be waited for within the call, and repeats what it handed back. */
  #isSidecarAtRest() {
    if (this.#inFlight.size === 0) return true
    if (this.#sidecar.drain === undefined) return false
    const texts = this.#sidecar.drain()
    for (const [index, operation] of [...this.#inFlight].slice(this.#inFlight.size - texts.length).entries()) {
      operation.text = texts[index] ?? undefined
      this.#handedBack.add(operation)
    }
    if (this.#handedBack.size > 0) this.#repeat()
    return true
  }

  /**
   * @param {Pick<Handle, 'run'> | undefined} native
   * @param {Operation} operation
   */
  #send(native, operation) {
    const mode = native === undefined ? 'inline' : 'native'
    if (mode !== this.#lastMode) this.#changeMode(mode)
    if (native === undefined) return this.#user.run(operation)
    this.#way = native
    const result = native.run(operation)
    if (typeof result !== 'object') return result
    // A sidecar that can be waited for gives texts back. Kept here as well, they would live through collections of garbage
    // (measured, 64 saves of 2 KB at a time: 1.2 times the time of this thread).
    const { kind, id, ttl, condition, scan } = operation
    return this.#follow(
      this.#sidecar.drain === undefined ? operation : { kind, id, ttl, condition, scan },
      /** @type {Promise<Result>} */ (result),
    )
  }

  /** @param {Handle['mode']} mode */
  #changeMode(mode) {
    this.#lastMode = mode
    this.#monitor.changeMode(mode, () => this.modeReason)
  }

  /**
   * Awaits and does not chain, which would call a `Promise.prototype.then` that someone may have replaced.
   *
   * @param {Operation} operation
   * @param {Promise<Result>} promise
   */
  async #follow(operation, promise) {
    this.#inFlight.add(operation)
    this.#sidecar.started?.(operation)
    if (this.#sidecar.drain !== undefined && this.#inFlight.size === 1) flushAtExit(this)
    let result
    try {
      result = await promise
    } catch (failure) {
      this.#sidecar.ended?.(operation)
      const { code, causeCode } = /** @type {Partial<Failure>} */ (failure ?? {})
      if (code === HANDED_BACK) {
        const repeat = this.#repeated(operation)
        return causeCode === IN_DOUBT ? keepDoubt(repeat) : repeat
      }
      this.#settled(operation)
      throw failure
    }
    this.#sidecar.ended?.(operation)
    this.#settled(operation)
    return result
  }

  /** @param {Operation} operation */
  #settled(operation) {
    this.#inFlight.delete(operation)
    this.#move()
  }

  /**
   * Waits until an operation that was handed back is repeated, and returns its result.
   *
   * @param {Operation} operation
   */
  async #repeated(operation) {
    // It may have been repeated before this rejection came.
    if (this.#inFlight.has(operation) && this.#sidecar.drain !== undefined) {
      this.#isSidecarAtRest()
      this.#move()
    } else if (this.#inFlight.has(operation)) {
      this.#handedBack.add(operation)
      await new Promise((resolve) => {
        this.#onRepeat.push(() => resolve(undefined))
        this.#move()
      })
    }
    const repeat = this.#repeats.get(operation)
    // Never acknowledge what nobody has done.
    if (repeat === undefined) throw { code: 'ERR_STORAGE_INTERNAL', reason: 'a bug in this package; please report it' }
    this.#repeats.delete(operation)
    return repeat
  }

  /** Does again, in call order, what was handed back. Everything else on the sidecar is done. */
  #repeat() {
    this.#sidecar.retire()
    for (const operation of this.#inFlight) {
      if (!this.#handedBack.has(operation)) continue
      this.#inFlight.delete(operation)
      this.#repeats.set(operation, runCaught(this.#user, operation))
    }
    this.#handedBack.clear()
    for (const resume of this.#onRepeat.splice(0)) resume()
  }

  /** Sends what waits, as soon as the order allows it. */
  #move() {
    if (this.#inFlight.size > this.#handedBack.size) return
    if (this.#handedBack.size > 0) this.#repeat()
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

module.exports = { NativeFirst }
