'use strict'

/** @import { Call } from '../errors.js' */
/** @import { Operation, Result } from '../handle.js' */
/** @import { Known } from './conditions.js' */
/** @import { Lane } from './lane.js' */

const { AsyncLocalStorage } = require('node:async_hooks')

const { isFailure } = require('../errors.js')
const { clearTimeout, setTimeout } = require('../primordials.js')
const { compareWith, conflict, mismatch } = require('./conditions.js')
const { Line } = require('./line.js')

/**
 * Knows the scope that code runs in. Made at the first lock: on Node 20 and 22 it makes every `await` of the process slower
 * (measured: 155 instead of 54 ns).
 *
 * @type {AsyncLocalStorage<Scope> | undefined}
 */
let scopes

const ENDED = 'the function given to withLock() has ended; await everything inside it'

/** One call of `withLock`, as the operations inside it see it. */
class Scope {
  /** The scope of whatever conversation that this one was begun in. @type {Scope | undefined} */
  outer = scopes?.getStore()
  /** The nested calls, which take turns. */
  line = new Line()
  /** Why nothing may be written any more; `undefined` while the scope lasts. @type {string | undefined} */
  #ended
  /** What was begun inside and is not settled. @type {Set<Promise<unknown>>} */
  #pending = new Set()
  #controller = new AbortController()
  /** The nested calls that are under way. @type {Set<Scope>} */
  nested = new Set()
  #onlyChanges
  /** What must be stored for a write to take effect. @type {Known} */
  #expected
  /** True until the text that came with the lock was loaded, or something was written. */
  #isFetched
  /** The number of the last write. */
  #lastWrite = 0

  /**
   * @param {Lane} lane
   * @param {Scope | undefined} parent the call of the same conversation around this one
   * @param {boolean} [onlyChanges] whether a save of the text that is stored already is left out
   */
  constructor(lane, parent, onlyChanges = false) {
    this.lane = lane
    this.parent = parent
    this.#onlyChanges = onlyChanges
    this.#expected = lane.known
    this.#isFetched = parent === undefined && lane.takeFetched()
  }

  /** Why nothing may be written: this call, or one around it, is over. @returns {string | undefined} */
  get ended() {
    return this.#ended ?? this.parent?.ended
  }

  get signal() {
    return this.#controller.signal
  }

  /**
   * Calls `fn` inside the scope and waits for everything that was begun there. Settles as `fn` does, or rejects when `hold` is over.
   *
   * @template T
   * @param {(lock: { conversationId: string, signal: AbortSignal }) => T | PromiseLike<T>} fn
   * @param {number} hold ms
   * @param {Call} call
   * @returns {Promise<T>}
   */
  async run(fn, hold, call) {
    scopes ??= new AsyncLocalStorage()
    this.parent?.nested.add(this)
    const lock = Object.freeze({ conversationId: this.lane.id, signal: this.signal })
    const result = scopes.run(this, async () => fn(lock))
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    const limit = new Promise((_resolve, reject) => {
      timer = setTimeout(() => {
        const reason = `the function given to withLock() did not end within ${hold} ms, so the lock was given up`
        const error = call.error('ERR_STORAGE_TIMEOUT', reason)
        this.#ended = reason
        this.#controller.abort(error)
        reject(error)
      }, hold)
      timer.unref()
    })
    try {
      return await Promise.race([this.#settled(result), limit])
    } finally {
      clearTimeout(timer)
      this.parent?.nested.delete(this)
      this.#ended ??= ENDED
    }
  }

  /**
   * Waits for `result` and for everything that was begun inside. Their failures are those of their own promises.
   *
   * @template T
   * @param {Promise<T>} result
   */
  async #settled(result) {
    try {
      return await result
    } finally {
      while (this.#pending.size > 0) {
        for (const outcome of await Promise.allSettled(this.#pending)) this.#tellUnseen(outcome)
      }
    }
  }

  /**
   * Tells that a write failed which was not awaited inside. A nested call has an error of its own.
   *
   * @param {PromiseSettledResult<unknown>} outcome
   */
  #tellUnseen(outcome) {
    if (outcome.status !== 'rejected' || outcome.reason instanceof Error || !isFailure(outcome.reason)) return
    this.lane.locks.monitor.failedUnseen(this.lane.id, outcome.reason)
  }

  /**
   * The scope waits for `promise` before it ends.
   *
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  track(promise) {
    this.#pending.add(promise)
    const forget = () => this.#pending.delete(promise)
    promise.then(forget, forget)
    return promise
  }

  /**
   * Does an operation on the conversation under the rule of the lock.
   *
   * @param {Operation} operation
   * @returns {Promise<Result>}
   */
  perform(operation) {
    switch (operation.kind) {
      case 'load':
      case 'refresh':
        return this.#load(operation)
      case 'save':
      case 'delete':
      case 'cas':
        return this.track(this.#write(operation))
      default:
        return this.lane.run(operation)
    }
  }

  /** What is stored is corrupt: the next save replaces it. */
  expectAnything() {
    this.#expected = undefined
  }

  /** @param {Operation} operation */
  async #load(operation) {
    if (this.ended !== undefined) return this.lane.run(operation)
    if (this.#isFetched) {
      this.#isFetched = false
      return this.#expected === null ? undefined : /** @type {string} */ (this.#expected)
    }
    const lastWrite = this.#lastWrite
    const text = /** @type {string | undefined} */ (await this.lane.load(operation))
    // A save that was called meanwhile is newer than what was found.
    if (this.#lastWrite === lastWrite) this.#expected = text ?? null
    return text
  }

  /** @param {Operation} operation */
  async #write(operation) {
    const reason = this.ended
    if (reason !== undefined) throw { code: 'ERR_STORAGE_CONFLICT', reason }
    const text = operation.kind === 'delete' ? undefined : operation.text
    const before = this.#expected
    if (this.#onlyChanges && text === before) return undefined
    const condition = operation.condition ?? compareWith(before)
    const { number, written } = this.lane.write({ ...operation, text, condition })
    this.#lastWrite = number
    this.#expected = text ?? null
    for (let scope = /** @type {Scope | undefined} */ (this); scope !== undefined; scope = scope.parent) {
      scope.#isFetched = false
    }
    let word
    try {
      word = await written
    } catch (failure) {
      this.#restore(number, before)
      throw failure
    }
    if (word === undefined) return undefined
    this.#restore(number, before)
    throw operation.condition === undefined || word === 'locked' ? conflict(word) : mismatch(operation)
  }

  /**
   * What a failed write expected is expected again, unless something was written since: so it may be tried again.
   *
   * @param {number} number
   * @param {Known} before
   */
  #restore(number, before) {
    if (this.#lastWrite === number) this.#expected = before
  }

  /**
   * Tells the function that somebody else has the lock.
   *
   * @param {Error} error
   */
  lose(error) {
    for (const nested of this.nested) nested.lose(error)
    this.#controller.abort(error)
  }
}

/**
 * Returns the innermost scope of this conversation that the caller runs in, also if that has ended.
 *
 * @param {object} locks
 * @param {string} id
 */
function findScope(locks, id) {
  for (let scope = scopes?.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.lane.locks === locks && scope.lane.id === id) return scope
  }
  return undefined
}

/**
 * Returns whether the caller runs inside a call of `withLock` of this storage, for whatever conversation, that has not ended.
 *
 * @param {object} locks
 */
function isInside(locks) {
  for (let scope = scopes?.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.lane.locks === locks && scope.ended === undefined) return true
  }
  return false
}

exports.Scope = Scope
exports.findScope = findScope
exports.isInside = isInside
