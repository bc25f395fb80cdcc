'use strict'

/** @import { Runner, Settings } from './case.js' */

/**
 * The type and the default of each option of the suite. `findRunner` finds `describe` and `it`.
 *
 * @type {Record<string, [type: string, byDefault: unknown]>}
 */
const OPTIONS = {
  name: ['string', 'storage contract'],
  plant: ['function', undefined],
  codes: ['boolean', false],
  keyOrder: ['boolean', true],
  close: ['boolean', true],
  lock: ['boolean', false],
  list: ['boolean', false],
  ages: ['boolean', true],
  retention: ['boolean', false],
  rounds: ['number', 10_000],
  runs: ['number', 100],
  largestState: ['number', 64 * 1024 * 1024],
  timeout: ['number', 120_000],
  describe: ['function', undefined],
  it: ['function', undefined],
}

/**
 * Checks the arguments of `runStorageContract` and fills in the defaults. An unknown name throws: a misspelt option
 * would leave out the cases that it asks for.
 *
 * @param {unknown} createAdapter
 * @param {object} [given]
 * @returns {Settings & Runner & { name: string, timeout: number }}
 */
function readOptions(createAdapter, given = {}) {
  if (typeof createAdapter !== 'function') {
    throw new TypeError('runStorageContract needs a function that returns a storage adapter as its first argument.')
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(OPTIONS, name)) {
      throw new TypeError(`runStorageContract has no option "${name}"; it has ${Object.keys(OPTIONS).join(', ')}.`)
    }
  }
  /** @type {Record<string, unknown>} */
  const options = {}
  for (const [name, [type, byDefault]] of Object.entries(OPTIONS)) {
    const value = /** @type {Record<string, unknown>} */ (given)[name] ?? byDefault
    if (value !== undefined && typeof value !== type) {
      throw new TypeError(`The option "${name}" of runStorageContract must be a ${type}.`)
    }
    if (type === 'number' && !(Number(value) >= 1)) {
      throw new TypeError(`The option "${name}" of runStorageContract must be at least 1.`)
    }
    options[name] = value
  }
  const settings = /** @type {Settings & Partial<Runner> & { name: string, timeout: number }} */ (
    /** @type {unknown} */ (options)
  )
  return { ...settings, ...findRunner(settings) }
}

/**
 * Returns the functions of the test runner: those given, or the globals, or those of `node --test`.
 *
 * @param {Partial<Runner>} given
 * @returns {Runner}
 */
function findRunner(given) {
  const globals = /** @type {typeof globalThis & Partial<Runner>} */ (globalThis)
  const { describe = globals.describe, it = globals.it } = given
  if (typeof describe === 'function' && typeof it === 'function') return { describe, it }
  // The workers of vitest and jest ignore tests of `node:test`, so that the run would pass without a single one.
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
