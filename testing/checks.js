'use strict'

const assert = require('node:assert/strict')
const { isNativeError } = require('node:util').types

/** What a loaded state must equal: fidelity is defined by V8's own JSON. */
const viaJson = (state) => JSON.parse(JSON.stringify(state))

/** Fails unless `loaded` is what JSON makes of `saved`. */
function sameState(loaded, saved) {
  assert.deepEqual(ours(loaded), viaJson(saved))
}

/**
 * The same value with the plain objects and lists of this realm. Under jest, what `structuredClone` or a core module of
 * Node made has other prototypes than what the test file made; everything that is not plain is left as it is.
 */
function ours(value) {
  if (Array.isArray(value)) return Array.from(value, ours)
  if (value === null || typeof value !== 'object') return value
  const prototype = Object.getPrototypeOf(value)
  const plain =
    prototype !== null && Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
  return plain ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, ours(inner)])) : value
}

/** Fails as `Promise.all` does, but leaves nothing running that would disturb the next test. */
async function allEnded(promises) {
  await Promise.allSettled(promises)
  await Promise.all(promises)
}

async function rejection(promise) {
  assert.equal(typeof promise?.then, 'function', 'a promise is returned, whatever the arguments')
  const outcome = await promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
  assert.ok('error' in outcome, `expected a rejection, got ${JSON.stringify(outcome.value)}`)
  assert.ok(isNativeError(outcome.error) || outcome.error instanceof Error, 'rejects with an Error')
  return outcome.error
}

/** Fails unless the promise rejects, with this code where the adapter has codes. */
async function rejectsWith(context, promise, code) {
  const error = await rejection(promise)
  if (!context.codes) return error
  assert.equal(error.code, code, error.message)
  assert.equal(error.name, 'StorageError')
  return error
}

module.exports = { allEnded, rejection, rejectsWith, sameState, viaJson }
