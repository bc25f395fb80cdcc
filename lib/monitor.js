'use strict'

/** @import { StorageEvent } from '../binding.js' */
/** @import { AdapterName } from './errors.js' */
/** @import { Handle } from './handle.js' */
/** @import { Logger } from './logger-types.js' */
/** @import { StorageStats } from './stats-types.js' */

const { Stats } = require('./binding.js')
const { log } = require('./logger.js')
const { isEvictionHeard, noteConnection, noteEviction, noteMode, noteSweep } = require('./tracing.js')

/** @typedef {InstanceType<typeof import('./snapshots.js').Snapshots>} Snapshots */

/** Those that native threads may have something to tell of, by their numbers. @type {Map<number, WeakRef<Monitor>>} */
const monitors = new Map()
/** @type {FinalizationRegistry<number>} */
const gone = new FinalizationRegistry((number) => monitors.delete(number))
let lastNumber = 0

/** What one storage tells of itself: to channels, to its logger, and by `stats()`. */
class Monitor {
  adapter
  #logger
  /** Where its operations go. Known once there is a handle. @type {Handle['origin']} */
  origin
  native
  /** How the calls of `withLock` and `update` ended. */
  locks = { done: 0, failed: 0, timeout: 0, aborted: 0, lost: 0 }
  #corrupt = 0
  #expired = 0

  /**
   * @param {AdapterName} adapter
   * @param {Logger | undefined} logger
   * @param {import('../binding.js').Dispatcher} [dispatcher] given if native threads have something to tell
   */
  constructor(adapter, logger, dispatcher) {
    this.adapter = adapter
    this.#logger = logger
    const number = ++lastNumber
    this.native = new Stats(number, dispatcher)
    if (dispatcher === undefined) return
    monitors.set(number, new WeakRef(this))
    gone.register(this, number)
  }

  /**
   * Operations travel in another way from now on.
   *
   * @param {Handle['mode']} mode
   * @param {() => string} reason
   */
  changeMode(mode, reason) {
    noteMode(() => ({ adapter: this.adapter, mode, reason: reason() }))
    this.#log('info', `operations travel ${mode === 'native' ? 'natively' : 'inline'} from now on`, () => ({
      mode,
      reason: reason(),
    }))
  }

  /**
   * Tells of a text that is no state.
   *
   * @param {string | undefined} conversationId
   * @param {() => string} location
   */
  foundCorrupt(conversationId, location) {
    this.#corrupt++
    this.#log('error', 'what is stored is no state', () => ({ conversationId, location: location() }))
  }

  /**
   * A save failed, and nobody waits for its promise.
   *
   * @param {string | undefined} conversationId
   * @param {{ code: string, reason: string }} failure
   */
  failedUnseen(conversationId, { code, reason }) {
    const meta = { code, reason }
    this.#log('error', 'a save that nobody awaited failed', () =>
      conversationId === undefined ? meta : { conversationId, ...meta },
    )
  }

  /** Whether somebody follows what is forgotten because of the limits. */
  get hearsEvictions() {
    return isEvictionHeard()
  }

  /** @param {{ conversationId: string, size: number }} evicted */
  evicted({ conversationId, size }) {
    noteEviction({ adapter: this.adapter, conversationId, size })
  }

  /** @param {StorageEvent} event */
  happened({ name, reason = '', ms = 0, removed = 0, unknown = 0 }) {
    const common = { adapter: this.adapter, ...this.origin }
    if (name === 'swept') {
      this.#expired += removed
      noteSweep(() => ({ ...common, removed, unknown, ms }))
      this.#log(removed > 0 ? 'info' : 'debug', 'expired conversations were removed', () => ({ removed, unknown, ms }))
    } else if (name === 'lost') {
      noteConnection(() => ({ ...common, state: 'lost', reason }))
      this.#log('warn', 'there is no connection to the server', () => ({ ...this.origin, reason }))
    } else {
      noteConnection(() => ({ ...common, state: 'back', ms }))
      this.#log('info', 'the connection to the server is back', () => ({ ...this.origin, ms }))
    }
  }

  /**
   * Returns what was counted.
   *
   * @param {Handle} handle
   * @param {Snapshots | undefined} snapshots
   * @returns {StorageStats}
   */
  stats(handle, snapshots) {
    const memory = handle.memory?.()
    return {
      ...JSON.parse(this.native.toJson()),
      corrupt: this.#corrupt,
      expired: this.#expired,
      locks: { ...this.locks },
      ...(memory === undefined ? {} : { memory }),
      ...(snapshots === undefined ? {} : { snapshots: snapshots.usage() }),
    }
  }

  /**
   * @param {import('./logger.js').Level} level
   * @param {string} message
   * @param {() => { [name: string]: unknown }} meta
   */
  #log(level, message, meta) {
    log(this.#logger, level, `${this.adapter} storage: ${message}`, meta)
  }
}

/**
 * Passes on what happened to a storage by itself, if that is still there.
 *
 * @param {StorageEvent} event
 */
function deliver(event) {
  monitors.get(event.storage)?.deref()?.happened(event)
}

/**
 * Passes on that a write failed while the process ended.
 *
 * @param {import('../binding.js').FailedWrite} failed
 */
function deliverFailure({ storage, failure }) {
  monitors.get(storage)?.deref()?.failedUnseen(undefined, failure)
}

exports.Monitor = Monitor
exports.deliver = deliver
exports.deliverFailure = deliverFailure
