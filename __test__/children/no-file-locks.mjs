// Runs under the shim, which takes the locks or the links of files away. Prints one line of JSON: what became of each operation.
import { readdirSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'

import { FileStorage } from '../../index.js'
import { Shim } from '../support/disk-shim.mjs'

const { kind, errors } = JSON.parse(process.argv[2])
const root = join(process.env.FLOWKIT_SHIM_DIR, 'states')
const shim = new Shim()
const report = {}

const state = (n) => ({ conversationId: 'u', slots: { n } })

const STEPS = {
  save: (storage) => storage.save(state(1)),
  'save again': (storage) => storage.save(state(2)),
  load: async (storage) => (await storage.load('u')).slots.n,
  withLock: (storage) => storage.withLock('u', () => storage.load('u').then(() => 'inside')),
  update: (storage) => storage.update('u', (found) => void found.slots.n++).then(({ slots }) => slots.n),
  ifMatch: async (storage) => storage.save(state(4), { ifMatch: (await storage.loadEntry('u')).etag }),
  delete: (storage) => storage.delete('u'),
  'ifMatch null': (storage) => storage.save(state(5), { ifMatch: null }),
  touch: (storage) => storage.touch('u'),
  list: async (storage) => (await storage.list().next()).value.id,
  'purge the young': (storage) => storage.purge({ olderThan: 60 }),
  'purge the old': (storage) => {
    utimesSync(join(root, 'u.json'), 1e9, 1e9)
    return storage.purge({ olderThan: 60 })
  },
  'save anew': (storage) => storage.save(state(6)),
}

for (const error of errors) {
  shim.arm({ first: 1, count: 1_000_000_000, error, kinds: [kind] })
  const storage = new FileStorage({ dir: root })
  const outcomes = {}
  for (const [name, step] of Object.entries(STEPS)) {
    outcomes[name] = await step(storage).then(
      (value) => value ?? 'done',
      (failure) => `${failure.code} ${failure.message.replaceAll(root, 'DIR')}`,
    )
  }
  await storage.close()
  shim.disarm()
  report[error] = { ...outcomes, left: readdirSync(root) }
  rmSync(root, { recursive: true })
}
shim.close()
console.log(JSON.stringify(report))
