// Runs under strace. Says on stderr what it tries and what was acknowledged, so that both stand in the trace.
import { writeSync } from 'node:fs'
import { join } from 'node:path'

import { FileStorage } from '../../index.js'
import { versioned } from '../support/versions.mjs'

const { root, durable } = JSON.parse(process.argv[2])
const mark = (word, id, version) => writeSync(2, `MARK ${word} ${id} ${version}\n`)

/** Version 0 is the deletion. */
async function put(storage, id, version) {
  mark('try', id, version)
  await (version === 0 ? storage.delete(id) : storage.save(versioned(id, version)))
  mark('ack', id, version)
}

// Neither the directory nor the one above it is there.
const storage = new FileStorage({ dir: join(root, 'new', 'states'), durable })
await put(storage, 'one', 1)
await put(storage, 'one', 2)
const burst = Array.from({ length: 20 }, (_, index) => put(storage, `burst${index % 6}`, 1 + Math.floor(index / 6)))
await Promise.all(burst)
await Promise.all([
  put(storage, 'one', 0),
  put(storage, 'burst0', 0),
  put(storage, 'burst0', 9),
  put(storage, 'burst1', 7),
])

// Inside locks.
for (const version of [10, 11, 12]) {
  mark('try', 'locked', version)
  await storage.update('locked', () => versioned('locked', version))
  mark('ack', 'locked', version)
}
mark('try', 'locked', 0)
await storage.update('locked', () => null)
mark('ack', 'locked', 0)

// Another program left files under the plain ids, and this package left some where case is ignored.
const other = new FileStorage({ dir: join(root, 'old'), durable })
await put(other, 'saved:plain', 2)
await put(other, 'deleted:plain', 0)
await put(other, 'both:plain', 0)
await put(other, 'Saved', 2)
await put(other, 'Deleted', 0)
await put(other, 'Both', 0)
