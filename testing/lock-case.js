'use strict'

/** @import { Case, LockingStorage, TestedStorage } from './case.js' */

const assert = require('node:assert/strict')

const { rejection } = require('./checks.js')
const { sample } = require('./samples.js')

/** @param {number} milliseconds */
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** @param {TestedStorage} storage */
const locking = (storage) => /** @type {LockingStorage} */ (storage)

/** @param {number} n */
const counter = (n) => sample('u', { slots: { n } })

/** @param {TestedStorage} storage */
async function countOf(storage) {
  const state = await storage.load('u')
  return state === null ? null : state.slots.n
}

/** Loads, adds and saves. @param {TestedStorage} storage */
async function addOne(storage) {
  const n = /** @type {number} */ (await countOf(storage))
  await sleep(1)
  await storage.save(counter(n + 1))
}

/** @param {Promise<unknown>} promise @param {string} code */
async function rejectsWith(promise, code) {
  const error = await rejection(promise)
  assert.equal(error.code, code, error.message)
  return error
}

/**
 * @param {string} name
 * @param {(storage: LockingStorage) => Promise<void>} run
 * @returns {Case}
 */
function lockCase(name, run) {
  return {
    name,
    needs: ['lock'],
    async run({ storage }) {
      await storage.save(counter(0))
      await run(locking(storage))
    },
  }
}

/** Returns a promise and what resolves it. */
function deferred() {
  /** @type {(value?: unknown) => void} */
  let resolve = () => {}
  const promise = new Promise((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}

module.exports = { addOne, counter, countOf, deferred, lockCase, rejectsWith, sleep }
