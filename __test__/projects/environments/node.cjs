const { after, before, mock, test } = require('node:test')
const { expect } = require('expect')
const { declare } = require('./cases.cjs')

const fake = { useFakeTimers: () => mock.timers.enable(), useRealTimers: () => mock.timers.reset() }

// `mock.timers` replaces what `node:timers` exports, too.
declare({ afterAll: after, beforeAll: before, expect, test: (name, body) => test(name, body) }, fake, () => {
  for (const file of Object.keys(require.cache)) {
    if (file.includes('flowkit-storage') && file.endsWith('.js')) delete require.cache[file]
  }
  return require('@andresaya/flowkit-storage')
})
