// Runs under the shim, which stops this process at the moment when it has locked a file: the so many-th.

import { Shim } from '../support/disk-shim.mjs'
import { openPlace } from '../support/open.mjs'

const { place, how, first } = JSON.parse(process.argv[2])
const storage = openPlace(place)
const state = (n) => ({ conversationId: 'u', slots: { n } })
await storage.save(state(1))
const shim = new Shim()
shim.arm({ first, count: 1, error: 'stop', kinds: ['lock'] })
console.log('armed')
if (how === 'save') await storage.save(state(2))
else await storage.withLock('u', () => storage.save(state(2)), { lease: 1_000 })
console.log('went on')
await storage.close()
shim.close()
