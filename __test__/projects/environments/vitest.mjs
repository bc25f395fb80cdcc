import { createRequire } from 'node:module'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

const require = createRequire(import.meta.url)
const { declare } = require('./cases.cjs')

declare({ afterAll, beforeAll, expect, test }, vi, () => {
  for (const file of Object.keys(require.cache)) {
    if (file.includes('flowkit-storage') && file.endsWith('.js')) delete require.cache[file]
  }
  return require('@andresaya/flowkit-storage')
})
