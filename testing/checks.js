'use strict'

/** @import { Context, Rejection } from './case.js' */

const assert = require('node:assert/strict')
const { isNativeError } = require('node:util').types

/**
 * Returns what a loaded state must equal: V8's own JSON defines fidelity.
 *
 * @param {unknown} state
 * @returns {unknown}
 */
const viaJson = (state) => JSON.parse(JSON.stringify(state))

/**
 * Fails unless `loaded` equals what JSON makes of `saved`.
 *
 * @param {unknown} loaded
 * @param {unknown} saved
 */
function sameState(loaded, saved) {
  assert.deepEqual(ours(loaded), viaJson(saved))
}

/**
 * Returns the same value with the plain objects and lists of this realm. Under jest, `structuredClone` and the core
 * modules of Node.js make objects whose prototypes differ from those of the test file. Other objects stay as they are.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function ours(value) {
  if (Array.isArray(value)) return Array.from(value, ours)
  if (value === null || typeof value !== 'object') return value
  const prototype = Object.getPrototypeOf(value)
  const plain =
    prototype !== null && Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
  return plain ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, ours(inner)])) : value
}

/**
 * Fails as `Promise.all` does, but first waits for all, so that no operation disturbs the next test.
 *
 * @param {Promise<unknown>[]} promises
 */
async function allEnded(promises) {
  await Promise.allSettled(promises)
  await Promise.all(promises)
}

/**
 * Returns the error that `promise` rejects with.
 *
 * @param {Promise<unknown>} promise
 * @returns {Promise<Rejection>}
 */
async function rejection(promise) {
  assert.equal(typeof promise?.then, 'function', 'a promise is returned, whatever the arguments')
  const outcome = await promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
  if (!('error' in outcome)) assert.fail(`expected a rejection, got ${JSON.stringify(outcome.value)}`)
  assert.ok(isNativeError(outcome.error) || outcome.error instanceof Error, 'rejects with an Error')
  return outcome.error
}

/**
 * Fails unless the promise rejects, with this code if the adapter has codes.
 *
 * @param {Pick<Context, 'codes'>} context
 * @param {Promise<unknown>} promise
 * @param {string} code
 */
async function rejectsWith(context, promise, code) {
  const error = await rejection(promise)
  if (!context.codes) return error
  assert.equal(error.code, code, error.message)
  assert.equal(error.name, 'StorageError')
  return error
}

module.exports = { allEnded, rejection, rejectsWith, sameState, viaJson }
