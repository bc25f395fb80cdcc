'use strict'

/** @import { Call } from '../errors.js' */
/** @import { Check } from '../options.js' */

const { aWholeNumber, checkOptions } = require('../options.js')
const { anEtag } = require('./conditions.js')

/** @type {Check<AbortSignal>} */
const aSignal = (value) => {
  const signal = /** @type {AbortSignal} */ (value)
  // By its shape: a test environment has an `AbortSignal` of its own.
  const isOne =
    typeof signal === 'object' && typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function'
  return isOne ? undefined : 'an AbortSignal'
}

const LOCK_CHECKS = {
  wait: aWholeNumber(0, 3_600_000),
  lease: aWholeNumber(1_000, 600_000),
  hold: aWholeNumber(1, 86_400_000),
  queue: aWholeNumber(0, 100_000),
  signal: aSignal,
}

const UPDATE_CHECKS = { ...LOCK_CHECKS, retries: aWholeNumber(0, 100) }

const WRITE_CHECKS = { ifMatch: anEtag }

/**
 * @typedef {object} LockSettings
 * @property {number} wait ms
 * @property {number} lease ms
 * @property {number} hold ms
 * @property {number} queue
 * @property {AbortSignal | undefined} signal
 * @property {boolean} [onlyChanges] whether a save of the text that is stored already is left out
 */

/**
 * Checks the options of a method.
 *
 * @template {{ [name: string]: Check<unknown> }} Checks
 * @param {Call} call
 * @param {string} method as messages name it
 * @param {unknown} given
 * @param {Checks} checks
 */
function readMethodOptions(call, method, given, checks) {
  /** @param {string} problem */
  const fail = (problem) => call.error('ERR_STORAGE_INVALID_OPTIONS', `${method} ${problem}`)
  try {
    return checkOptions(given, checks, {
      notAnObject: () => fail('takes an object of options'),
      unknown: (name, meant) =>
        fail(`has no option ${name}${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`),
      wrong: (name, mustBe) => fail(`takes an option "${name}" that must be ${mustBe}`),
    })
  } catch (error) {
    if (/** @type {any} */ (error)?.code === 'ERR_STORAGE_INVALID_OPTIONS') throw error
    throw call.error('ERR_STORAGE_INVALID_OPTIONS', `the options of ${method} cannot be read`, error)
  }
}

/**
 * @param {Call} call
 * @param {string} method
 * @param {unknown} given
 * @param {{ [name: string]: Check<unknown> }} [checks]
 * @returns {LockSettings & { retries: number }}
 */
function readLockOptions(call, method, given, checks = LOCK_CHECKS) {
  const options = readMethodOptions(call, method, given, checks)
  return { wait: 60_000, lease: 15_000, hold: 600_000, queue: 100, signal: undefined, retries: 5, ...options }
}

/**
 * Returns the etag that a write names; `undefined` if it is unconditional.
 *
 * @param {Call} call
 * @param {string} method
 * @param {unknown} given
 * @returns {string | null | undefined}
 */
function readIfMatch(call, method, given) {
  const { ifMatch } = readMethodOptions(call, method, given, WRITE_CHECKS)
  // A typo must not become an unconditional write, as `save(state, { ifMatch: entry.etga })` would.
  if (ifMatch === undefined && given !== undefined && 'ifMatch' in /** @type {object} */ (given)) {
    const reason = `${method} takes an option "ifMatch" that must be ${anEtag(undefined)}; leave it out for an unconditional write`
    throw call.error('ERR_STORAGE_INVALID_OPTIONS', reason)
  }
  return /** @type {string | null | undefined} */ (ifMatch)
}

module.exports = { UPDATE_CHECKS, aSignal, readIfMatch, readLockOptions, readMethodOptions }
