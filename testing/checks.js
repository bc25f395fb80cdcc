'use strict'

const assert = require('node:assert/strict')

/** What a loaded state must equal: fidelity is defined by V8's own JSON. */
const viaJson = (state) => JSON.parse(JSON.stringify(state))

async function rejection(promise) {
  assert.ok(promise instanceof Promise, 'a promise is returned, whatever the arguments')
  const outcome = await promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
  assert.ok('error' in outcome, `expected a rejection, got ${JSON.stringify(outcome.value)}`)
  assert.ok(outcome.error instanceof Error, 'rejects with an Error')
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

module.exports = { rejection, rejectsWith, viaJson }
