'use strict'

/** @import { Case, Context, CreateAdapter, Settings, TestedStorage } from './case.js' */

const { readOptions } = require('./options.js')

/**
 * The promises of every storage adapter, as test cases that know no test runner: P1 to P4, P7 to P10, P12 and
 * P13 to P18 of the contract. P5, P6 and P11 need processes of their own and are not part of the suite.
 *
 * @type {Case[]}
 */
const CASES = [
  ...require('./cases/order.js'),
  ...require('./cases/fidelity.js'),
  ...require('./cases/identity.js'),
  ...require('./cases/conduct.js'),
  ...require('./cases/locks.js'),
  ...require('./cases/conditional.js'),
  ...require('./cases/listing.js'),
  ...require('./cases/retention.js'),
]

/** @type {typeof import('./index.js').runStorageContract} */
function runStorageContract(createAdapter, given) {
  const { name, timeout, describe, it, ...settings } = readOptions(createAdapter, given)
  const fc = loadFastCheck()
  describe(name, () => {
    for (const { name: caseName, needs = [], run } of CASES) {
      if (needs.some((need) => !settings[need])) continue
      it(caseName, () => runCase(createAdapter, settings, fc, run), timeout)
    }
  })
}

/**
 * Runs one case on a new adapter and closes every adapter that the case created.
 *
 * @param {CreateAdapter} createAdapter
 * @param {Settings} settings
 * @param {Context['fc']} fc
 * @param {Case['run']} run
 */
async function runCase(createAdapter, settings, fc, run) {
  /** @type {TestedStorage[]} */
  const created = []
  /** @type {Context['create']} */
  const create = async (options) => {
    const storage = await createAdapter(options)
    created.push(storage)
    return storage
  }
  const storage = await create()
  try {
    /** @type {Context['plant']} */
    const plant = async (id, text) => settings.plant?.(storage, id, text)
    await run({ ...settings, fc, storage, create, plant })
  } finally {
    for (const one of created) await one.close?.()
  }
}

/** Loads an optional peer dependency: only those who test adapters need it. */
function loadFastCheck() {
  try {
    return require('fast-check')
  } catch (cause) {
    if (/** @type {NodeJS.ErrnoException} */ (cause)?.code !== 'MODULE_NOT_FOUND') throw cause
    const message = 'The storage contract needs the package "fast-check". Install it: npm install --save-dev fast-check'
    throw new Error(message, { cause })
  }
}

module.exports = { runStorageContract }
