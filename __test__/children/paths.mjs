// Every hostile id, under a umask, between two marks in the trace of system calls.
import { accessSync } from 'node:fs'

import { FileStorage, SQLiteStorage } from '../../index.js'
import samples from '../../testing/samples.js'

const { hostileIds, sample } = samples
const { root, umask } = JSON.parse(process.argv[2])
process.umask(umask)
const storage = new FileStorage({ dir: `${root}/files/deep/states` })
const database = new SQLiteStorage({ path: `${root}/sqlite/states.db` })
await database.save(sample('x'))
// Threads are started and libraries loaded.
await Promise.all(Array.from({ length: 30 }, (_, index) => storage.save(sample(`warm-${index}`))))

function mark(name) {
  try {
    accessSync(`/marker-${name}`)
  } catch {} // It is only to be seen in the trace.
}

mark('begin')
for (const id of hostileIds()) {
  await storage.save(sample(id))
  await storage.load(id)
  await storage.delete(id)
  await storage.save(sample(id))
}
mark('end')
await database.close()
