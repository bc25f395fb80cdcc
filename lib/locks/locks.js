'use strict'

/** @import { Call } from '../errors.js' */
/** @import { Handle } from '../handle.js' */
/** @import { LockSettings } from './options.js' */

const { now } = require('../primordials.js')
const { unsupported } = require('./conditions.js')
const { Lane } = require('./lane.js')
const { Scope, findScope } = require('./scope.js')
const { TurnReport } = require('./turn-report.js')

/** @typedef {{ conversationId: string, signal: AbortSignal }} Lock */

/** The locks of one storage. */
class Locks {
  /** Those that somebody has or waits for here. @type {Map<string, Lane>} */
  #lanes = new Map()
  /** The turns that are under way. @type {Map<Lane, Promise<unknown>>} */
  #turns = new Map()
  #handle
  #ttl
  /** Is told how turns end. */
  monitor
  #lostError

  /**
   * @param {Handle} handle
   * @param {number} ttl seconds until a conversation expires while nobody has it
   * @param {InstanceType<typeof import('../monitor.js').Monitor>} monitor
   * @param {(id: string) => Error} lostError makes the reason of a lock's signal
   */
  constructor(handle, ttl, monitor, lostError) {
    this.#handle = handle
    this.#ttl = ttl
    this.monitor = monitor
    this.#lostError = lostError
  }

  /** How many conversations are locked, or waited for, here. */
  get size() {
    return this.#lanes.size
  }

  /**
   * Returns whether a turn of the conversation is under way here.
   *
   * @param {string} id
   */
  isHeld(id) {
    const lane = this.#lanes.get(id)
    return lane !== undefined && this.#turns.has(lane)
  }

  /**
   * Calls `fn` while nobody else has the conversation. Inside of such a call it takes part in that one's lock.
   *
   * @template T
   * @param {Call} call
   * @param {string} id
   * @param {(lock: Lock) => T | PromiseLike<T>} fn
   * @param {LockSettings} settings
   * @returns {Promise<T>}
   */
  async withLock(call, id, fn, settings) {
    if (!this.#handle.canLock) throw call.failure(unsupported(this.#handle))
    const { signal } = settings
    if (signal?.aborted) throw signal.reason
    let around = findScope(this, id)
    while (around !== undefined && around.ended !== undefined) around = around.parent
    if (around !== undefined) return around.track(this.#nested(around, call, fn, settings))
    const lane = this.#laneOf(id)
    const report = new TurnReport(this.monitor, id)
    return report.follow(lane.line, signal, this.#turn(lane, report, call, fn, settings))
  }

  /**
   * @template T
   * @param {Lane} lane
   * @param {TurnReport} report
   * @param {Call} call
   * @param {(lock: Lock) => T | PromiseLike<T>} fn
   * @param {LockSettings} settings
   * @returns {Promise<T>}
   */
  async #turn(lane, report, call, fn, settings) {
    const { arrived } = report
    const { id } = lane
    await lane.line.enter({ call, arrived, ...settings })
    try {
      await lane.acquire(call, arrived, settings)
      report.begin()
      const scope = new Scope(lane, undefined, settings.onlyChanges)
      lane.onLost = () => {
        report.lose()
        scope.lose(this.#lostError(id))
      }
      const turn = scope.run(fn, settings.hold, call)
      this.#turns.set(lane, turn)
      return await turn
    } finally {
      this.#turns.delete(lane)
      // Something is still in flight only if `hold` is over: the lock is given back behind the last write.
      if (lane.isWriting) await lane.rest()
      if (!lane.handOver()) this.#lanes.delete(id)
    }
  }

  /**
   * @template T
   * @param {Scope} parent
   * @param {Call} call
   * @param {(lock: Lock) => T | PromiseLike<T>} fn
   * @param {LockSettings} settings
   */
  async #nested(parent, call, fn, settings) {
    await parent.line.enter({ call, arrived: now(), ...settings })
    try {
      return await new Scope(parent.lane, parent, settings.onlyChanges).run(fn, settings.hold, call)
    } finally {
      parent.line.next()
    }
  }

  /** @param {string} id */
  #laneOf(id) {
    let lane = this.#lanes.get(id)
    if (lane === undefined) {
      lane = new Lane(this, this.#handle, id, this.#ttl)
      this.#lanes.set(id, lane)
    }
    return lane
  }

  /**
   * Ends all waits with `error`. Returns a promise of the end of the turns under way, but for those that the caller is inside of;
   * `undefined` if there is none.
   *
   * @param {() => Error} error
   * @returns {Promise<unknown> | undefined}
   */
  end(error) {
    const turns = []
    for (const [id, lane] of this.#lanes) {
      lane.end(error)
      const turn = this.#turns.get(lane)
      if (turn !== undefined && findScope(this, id) === undefined) turns.push(turn)
    }
    return turns.length === 0 ? undefined : Promise.allSettled(turns)
  }
}

exports.Locks = Locks
