const { declare } = require('./cases.cjs')

declare({ afterAll, beforeAll, expect, test }, jest, () => {
  let exported
  jest.isolateModules(() => {
    exported = require('@andresaya/flowkit-storage')
  })
  return exported
})
