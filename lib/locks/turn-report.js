'use strict'

/** @import { LockMessage } from '../tracing-types.js' */

const { now } = require('../primordials.js')
const { noteLock } = require('../tracing.js')

/** The message about one call that takes a lock. */
class TurnReport {
  arrived = now()
  #monitor
  #id
  /** The moment when the lock was had; `undefined` until then. @type {number | undefined} */
  #had
  #isLost = false

  /**
   * @param {InstanceType<typeof import('../monitor.js').Monitor>} monitor counts how turns end
   * @param {string} id
   */
  constructor(monitor, id) {
    this.#monitor = monitor
    this.#id = id
  }

  /** The lock is had. */
  begin() {
    this.#had = now()
  }

  /** Somebody else took the lock. */
  lose() {
    this.#isLost = true
  }

  /**
   * Publishes the end of a turn, as soon as it settles.
   *
   * @template T
   * @param {{ readonly length: number }} line those that wait here
   * @param {AbortSignal | undefined} signal
   * @param {Promise<T>} turn
   * @returns {Promise<T>}
   */
  async follow(line, signal, turn) {
    try {
      const result = await turn
      this.#publish(line, 'done')
      return result
    } catch (error) {
      this.#publish(line, outcomeOf(error, signal))
      throw error
    }
  }

  /**
   * @param {{ readonly length: number }} line
   * @param {LockMessage['outcome']} ended
   */
  #publish(line, ended) {
    const outcome = this.#isLost ? 'lost' : ended
    this.#monitor.locks[outcome]++
    noteLock(() => {
      const [end, had] = [now(), this.#had]
      return {
        adapter: this.#monitor.adapter,
        conversationId: this.#id,
        waited: (had ?? end) - this.arrived,
        held: had === undefined ? 0 : end - had,
        outcome,
        waiters: line.length,
      }
    })
  }
}

/**
 * @param {any} error
 * @param {AbortSignal | undefined} signal
 * @returns {LockMessage['outcome']}
 */
function outcomeOf(error, signal) {
  if (signal?.aborted && error === signal.reason) return 'aborted'
  return error?.code === 'ERR_STORAGE_TIMEOUT' ? 'timeout' : 'failed'
}

exports.TurnReport = TurnReport
