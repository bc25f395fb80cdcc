'use strict'

/** @import { Failure, Operation, Result, UserHandle } from './handle.js' */

/**
 * Follows the repeat of a write that may have taken effect already. A refusal would deny that.
 *
 * @param {Promise<Result>} repeat
 */
async function keepDoubt(repeat) {
  try {
    return await repeat
  } catch (failure) {
    const { code, reason, ...rest } = /** @type {Failure} */ (failure)
    if (code === 'ERR_STORAGE_TIMEOUT') throw failure
    throw { ...rest, code: 'ERR_STORAGE_TIMEOUT', reason: `${reason}; whether it took effect is unknown` }
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

module.exports = { keepDoubt, runCaught }
