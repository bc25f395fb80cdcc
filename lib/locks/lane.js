'use strict'

/** @import { Call } from '../errors.js' */
/** @import { Entered, Handle, Operation } from '../handle.js' */
/** @import { Known } from './conditions.js' */
/** @import { LockSettings } from './options.js' */

const { randomBytes } = require('node:crypto')

const { clearTimeout, now, setTimeout } = require('../primordials.js')
const { Line, stillLocked } = require('./line.js')
const { Renewal } = require('./renewal.js')

/** The pause between two looks at a lock that somebody else has, in ms: the first in line looks more often. */
const SHORTEST_PAUSE = 3
const LONGEST_PAUSE_OF_FIRST = 25
const LONGEST_PAUSE = 100

/** How many pauses long a place in the line lives. A waiter that was killed stops the others for no longer. */
const PAUSES_OF_A_PLACE = 5
const SHORTEST_PLACE = 100

/** The lock of one conversation, as one storage sees it: those that wait here, and the lock in the store. */
class Lane {
  line = new Line()
  /** The stored text, as far as the holder knows. @type {Known} */
  known
  /** How many wait in other processes, by the last reply. */
  #others = 0
  #holds = false
  /** True if the last write may have taken effect or not: the next holder asks the store again. */
  #isInDoubt = false
  #isFetched = false
  #writes = 0
  #owner = ''
  #lease = 0
  #hold = 0
  #ttl
  #renewal
  /** Called when the lock turns out to be lost. @type {() => void} */
  onLost = () => {}
  /** The writes that are not settled. @type {Set<Promise<unknown>>} */
  #inFlight = new Set()
  /** Makes the error of those that wait; set once the storage is closed. @type {(() => Error) | undefined} */
  #ending

  /**
   * @param {import('./locks.js').Locks} locks
   * @param {Handle} handle
   * @param {string} id
   * @param {number} ttl seconds until the conversation expires while nobody has it
   */
  constructor(locks, handle, id, ttl) {
    this.locks = locks
    this.id = id
    this.#handle = handle
    this.#ttl = ttl
    this.#renewal = new Renewal(handle, id, ttl, (owner, entered) => this.#renewed(owner, entered))
  }

  /** @type {Handle} */
  #handle

  /**
   * Does an operation as if there were no lock.
   *
   * @param {Operation} operation
   */
  async run(operation) {
    return this.#handle.run(operation)
  }

  /** @param {Operation} operation */
  async load(operation) {
    const writes = this.#writes
    const text = /** @type {string | undefined} */ (await this.#handle.run(operation))
    if (this.#writes === writes) this.known = text ?? null
    return text
  }

  /**
   * Starts a write that takes effect only if nobody else has the lock and `condition` holds. `written` resolves to a word for
   * why it changed nothing; to `undefined` if it took effect.
   *
   * @param {Operation} operation
   * @returns {{ number: number, written: Promise<string | undefined> }}
   */
  write(operation) {
    const number = ++this.#writes
    const before = this.known
    this.known = operation.text ?? null
    const written = this.#written(operation, number, before)
    this.#inFlight.add(written)
    const forget = () => this.#inFlight.delete(written)
    written.then(forget, forget)
    return { number, written }
  }

  get isWriting() {
    return this.#inFlight.size > 0
  }

  /** Waits for the writes that are in flight. */
  async rest() {
    await Promise.allSettled(this.#inFlight)
  }

  /**
   * Ends the wait of all, since the storage is closed. A turn that is under way goes on.
   *
   * @param {() => Error} error
   */
  end(error) {
    this.#ending = error
    this.line.dropAll(error)
  }

  /**
   * @param {Operation} operation
   * @param {number} number
   * @param {Known} before
   */
  async #written(operation, number, before) {
    const condition = { ...operation.condition, owner: this.#owner, lease: this.#lease, number }
    try {
      const result = await this.#handle.run({ ...operation, kind: 'cas', condition })
      if (typeof result === 'number') {
        this.#others = result
        if (this.#writes === number) this.#isInDoubt = false
        return undefined
      }
      if (this.#writes === number) this.known = before
      if (result === 'locked') this.#lost()
      return /** @type {string} */ (result)
    } catch (failure) {
      // It may have taken effect. A nested call that saves and does not load is refused then: it must not overwrite just anything.
      if (this.#writes === number) this.known = before
      this.#isInDoubt = true
      throw failure
    }
  }

  /** Returns whether the text that came with the lock is still to be loaded. The next time it is not. */
  takeFetched() {
    const isFetched = this.#isFetched
    this.#isFetched = false
    return isFetched
  }

  /**
   * Resolves once the lock is had. Called by the one whose turn it is in this storage, which may have been handed the lock.
   *
   * @param {Call} call
   * @param {number} arrived
   * @param {LockSettings} settings
   */
  async acquire(call, arrived, settings) {
    this.#lease = settings.lease
    this.#hold = settings.hold
    if (this.#holds) return this.#keep()
    this.#owner = randomBytes(12).toString('base64url')
    this.#writes = 0
    try {
      await this.#enter(call, arrived, settings)
    } catch (error) {
      this.#leave()
      throw error
    }
    this.#keep()
  }

  #keep() {
    this.#renewal.start(this.#owner, this.#lease, this.#hold)
  }

  /**
   * Takes the reply to a renewal.
   *
   * @param {string} owner
   * @param {Entered | undefined} entered `undefined` if it failed: the lease has time for another
   */
  #renewed(owner, entered) {
    if (!this.#holds || this.#owner !== owner) return
    if (entered?.held) this.#others = entered.waiting
    else if (entered !== undefined && !entered.isBusy) return this.#lost()
    this.#keep()
  }

  #lost() {
    this.#holds = false
    this.#renewal.stop(this.#owner)
    this.onLost()
  }

  /** @type {Lane['acquire']} */
  async #enter(call, arrived, { wait, lease, signal }) {
    let ahead = 0
    let isCorrupt = false
    for (;;) {
      const waited = now() - arrived
      const longest = ahead === 0 ? LONGEST_PAUSE_OF_FIRST : LONGEST_PAUSE
      // Not all at the same moment.
      const pause = Math.min(Math.max(SHORTEST_PAUSE, waited / 8), longest) * (0.75 + Math.random() / 2)
      const place = Math.max(SHORTEST_PLACE, Math.ceil(pause * PAUSES_OF_A_PLACE))
      const condition = {
        owner: this.#owner,
        lease,
        patience: wait === 0 ? 0 : place,
        waited: Math.floor(waited),
        wantsText: !isCorrupt,
      }
      let entered
      try {
        entered = /** @type {Entered} */ (
          await this.#handle.run({ kind: 'enter', id: this.id, ttl: this.#ttl, condition })
        )
      } catch (failure) {
        if (isCorrupt || /** @type {any} */ (failure)?.code !== 'ERR_STORAGE_CORRUPT') throw call.failure(failure)
        // A load will say so. The lock can be had, and the next save replaces what is there.
        isCorrupt = true
        continue
      }
      if (entered.held) {
        this.#holds = true
        this.#isInDoubt = false
        this.#others = entered.waiting
        this.known = isCorrupt ? undefined : (entered.text ?? null)
        this.#isFetched = !isCorrupt
        return
      }
      ahead = entered.ahead
      if (signal?.aborted) throw signal.reason
      if (this.#ending !== undefined) throw this.#ending()
      const left = arrived + wait - now()
      if (left <= 0) throw stillLocked(call, wait)
      await sleep(Math.min(pause, left), signal)
      if (signal?.aborted) throw signal.reason
    }
  }

  /**
   * Gives the lock to the next one that waits here; to the store if nobody does, or if others wait elsewhere. Returns whether
   * somebody here goes on.
   */
  handOver() {
    if (this.#holds && (this.line.length === 0 || this.#others > 0 || this.#isInDoubt)) this.#leave()
    return this.line.next()
  }

  #leave() {
    this.#holds = false
    this.#renewal.stop(this.#owner)
    // Not waited for, and no failure of the turn: the lease ends the lock anyway.
    this.#giveBack(this.#owner).catch(() => {})
  }

  /** @param {string} owner */
  async #giveBack(owner) {
    const end = now() + this.#lease
    for (;;) {
      const result = /** @type {Entered | undefined} */ (
        await this.#handle.run({ kind: 'leave', id: this.id, condition: { owner } })
      )
      if (!result?.isBusy || now() > end) return
      await sleep(LONGEST_PAUSE_OF_FIRST)
    }
  }
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal] ends the pause
 */
function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds)
    function end() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve(undefined)
    }
    signal?.addEventListener('abort', end)
  })
}

exports.Lane = Lane
