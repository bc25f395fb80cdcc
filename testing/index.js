'use strict'

const { readOptions } = require('./options.js')

/**
 * What every storage adapter promises, as test cases that know no test runner: P1 to P4, P7 to P10 and P12 of the
 * contract. (P5, P6 and P11 need processes of their own.)
 */
const CASES = [
  ...require('./cases/order.js'),
  ...require('./cases/fidelity.js'),
  ...require('./cases/identity.js'),
  ...require('./cases/conduct.js'),
]

function runStorageContract(createAdapter, given) {
  const { name, timeout, describe, it, ...settings } = readOptions(createAdapter, given)
  const context = { ...settings, fc: loadFastCheck() }
  describe(name, () => {
    for (const { name: caseName, needs = [], run } of CASES) {
      if (needs.some((need) => !settings[need])) continue
      it(caseName, () => runCase(createAdapter, context, run), timeout)
    }
  })
}

async function runCase(createAdapter, context, run) {
  const created = []
  const create = async () => {
    const storage = await createAdapter()
    created.push(storage)
    return storage
  }
  const storage = await create()
  try {
    const plant = context.plant && ((id, text) => context.plant(storage, id, text))
    await run({ ...context, storage, create, plant })
  } finally {
    for (const one of created) await one.close?.()
  }
}

/** An optional peer dependency: only who tests adapters needs it. */
function loadFastCheck() {
  try {
    return require('fast-check')
  } catch (cause) {
    if (cause?.code !== 'MODULE_NOT_FOUND') throw cause
    const message = 'The storage contract needs the package "fast-check". Install it: npm install --save-dev fast-check'
    throw new Error(message, { cause })
  }
}

module.exports = { runStorageContract }
