'use strict'

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

/** The test runner's functions: given, or its globals, or those of `node --test`. */
function findRunner(options) {
  const { describe = globalThis.describe, it = globalThis.it } = options
  if (typeof describe === 'function' && typeof it === 'function') return { describe, it }
  const { describe: nodeDescribe, it: nodeIt } = require('node:test')
  return { describe: nodeDescribe, it: (name, run, timeout) => nodeIt(name, { timeout }, run) }
}

function runStorageContract(createAdapter, options = {}) {
  const { name = 'storage contract', plant, codes = false, keyOrder = true, timeout = 120_000 } = options
  const { rounds = 10_000, runs = 100, largestState = 64 * 1024 * 1024 } = options
  const { describe, it } = findRunner(options)
  describe(name, () => {
    for (const { name: caseName, needs, run } of CASES) {
      if (needs === 'plant' && plant === undefined) continue
      if (needs === 'close' && options.close === false) continue
      it(
        caseName,
        async () => {
          const created = []
          const create = async () => {
            const storage = await createAdapter()
            created.push(storage)
            return storage
          }
          const storage = await create()
          try {
            const planted = plant && ((id, text) => plant(storage, id, text))
            await run({ storage, create, plant: planted, codes, keyOrder, rounds, runs, largestState })
          } finally {
            for (const one of created) await one.close?.()
          }
        },
        timeout,
      )
    }
  })
}

module.exports = { runStorageContract }
