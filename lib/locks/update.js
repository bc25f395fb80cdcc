'use strict'

/** @import { Call } from '../errors.js' */
/** @import { LockSettings } from './options.js' */

const { setTimeout } = require('../primordials.js')

/** The pause before another attempt, in ms: so much to one and a half times as much more, doubled with each attempt. */
const PAUSE = 5

/**
 * @typedef {object} Place
 * @property {(id: string) => Promise<any>} load
 * @property {(state: any) => Promise<void>} save
 * @property {(id: string) => Promise<void>} delete
 */

/**
 * Loads, calls `fn`, and saves what it returns, inside a lock. Tries again if somebody changed the conversation without it.
 *
 * @param {Place} storage
 * @param {<T>(fn: (lock: { signal: AbortSignal }) => Promise<T>) => Promise<T>} withLock takes the lock
 * @param {Call} call
 * @param {(state: any) => unknown} fn
 * @param {LockSettings & { retries: number }} settings
 */
async function update(storage, withLock, call, fn, { retries }) {
  const id = /** @type {string} */ (call.conversationId)
  let attempt = 0
  for (;;) {
    const { state, isLost } = await withLock(async (lock) => {
      for (;;) {
        try {
          return { state: await changeOnce(storage, call, id, fn), isLost: false }
        } catch (error) {
          if (!(error instanceof Refused)) throw error
          attempt++
          if (attempt > retries) throw givenUp(call, attempt, error)
        }
        await pause(attempt)
        // The lock was lost to another process: it is taken again.
        if (lock.signal.aborted) return { state: null, isLost: true }
      }
    })
    if (!isLost) return state
  }
}

/** A write that lost against somebody else's. Wraps the error, so that one of the user's own is not taken for it. */
class Refused {
  /** @param {unknown} error */
  constructor(error) {
    this.error = error
  }
}

/**
 * @param {Place} storage
 * @param {Call} call
 * @param {string} id
 * @param {(state: any) => unknown} fn
 */
async function changeOnce(storage, call, id, fn) {
  const state = await storage.load(id)
  const returned = await fn(state)
  const next = /** @type {any} */ (returned === undefined ? state : returned)
  if (next === null) {
    if (state !== null) await attempt(() => storage.delete(id))
    return null
  }
  if (readId(next) !== id) {
    throw call.error(
      'ERR_STORAGE_INVALID_STATE',
      'the function given to update() returned no state of this conversation',
    )
  }
  await attempt(() => storage.save(next))
  return next
}

/** @param {() => Promise<void>} write */
async function attempt(write) {
  try {
    await write()
  } catch (error) {
    throw /** @type {any} */ (error)?.code === 'ERR_STORAGE_CONFLICT' ? new Refused(error) : error
  }
}

/** @param {any} state */
function readId(state) {
  return typeof state === 'object' ? state.conversationId : undefined
}

/**
 * @param {Call} call
 * @param {number} attempts
 * @param {Refused} refused
 */
function givenUp(call, attempts, { error }) {
  const times = attempts === 1 ? 'meanwhile' : `${attempts} times in a row`
  return call.error('ERR_STORAGE_CONFLICT', `it was changed by somebody else ${times}; nothing was changed`, error)
}

/** @param {number} attempt */
function pause(attempt) {
  const milliseconds = 2 ** (attempt - 1) * PAUSE * (1 + Math.random() * 2)
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

module.exports = { update }
