'use strict'

/** What each option of the suite must be, and its default. `describe` and `it` are found in `findRunner`. */
const OPTIONS = {
  name: ['string', 'storage contract'],
  plant: ['function', undefined],
  codes: ['boolean', false],
  keyOrder: ['boolean', true],
  close: ['boolean', true],
  rounds: ['number', 10_000],
  runs: ['number', 100],
  largestState: ['number', 64 * 1024 * 1024],
  timeout: ['number', 120_000],
  describe: ['function', undefined],
  it: ['function', undefined],
}

/** Checks the arguments of `runStorageContract`: a misspelt option would leave out what it asks for. */
function readOptions(createAdapter, given = {}) {
  if (typeof createAdapter !== 'function') {
    throw new TypeError('runStorageContract needs a function that answers a storage adapter as its first argument.')
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(OPTIONS, name)) {
      throw new TypeError(`runStorageContract has no option "${name}"; it has ${Object.keys(OPTIONS).join(', ')}.`)
    }
  }
  const options = {}
  for (const [name, [type, byDefault]] of Object.entries(OPTIONS)) {
    const value = given[name] ?? byDefault
    if (value !== undefined && typeof value !== type) {
      throw new TypeError(`The option "${name}" of runStorageContract must be a ${type}.`)
    }
    if (type === 'number' && !(value >= 1)) {
      throw new TypeError(`The option "${name}" of runStorageContract must be at least 1.`)
    }
    options[name] = value
  }
  return { ...options, ...findRunner(options) }
}

/** The test runner's functions: given, or its globals, or those of `node --test`. */
function findRunner({ describe = globalThis.describe, it = globalThis.it }) {
  if (typeof describe === 'function' && typeof it === 'function') return { describe, it }
  // Their workers would take tests of `node:test` for none at all.
  const { VITEST, JEST_WORKER_ID, NODE_TEST_CONTEXT } = process.env
  if (!NODE_TEST_CONTEXT && (VITEST || JEST_WORKER_ID)) {
    const source = VITEST ? 'vitest' : '@jest/globals'
    throw new Error(
      `Pass the options { describe, it } from "${source}" to runStorageContract: they are no globals here.`,
    )
  }
  const { describe: nodeDescribe, it: nodeIt } = require('node:test')
  return { describe: nodeDescribe, it: (name, run, timeout) => nodeIt(name, { timeout }, run) }
}

module.exports = { readOptions }
