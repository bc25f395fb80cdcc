// Runs as a user who may read a directory and not change it. Prints one line of JSON: what became of each operation.
import { FileStorage } from '../../index.js'

const { dir, only } = JSON.parse(process.argv[2])
const storage = new FileStorage({ dir, refreshOnLoad: true, ttl: only ? 0 : 86_400 })

async function list() {
  const ids = []
  for await (const { id } of storage.list()) ids.push(id)
  return ids
}

const STEPS = {
  load: () => storage.load('a'),
  count: () => storage.count(),
  list,
  touch: () => storage.touch('a'),
  purge: () => storage.purge({ olderThan: 1 }),
  'purge the young': () => storage.purge({ olderThan: 3_600 }),
  clear: () => storage.clear({ all: true }),
}

const report = {}
for (const [name, step] of Object.entries(STEPS)) {
  if (only !== undefined && only !== name) continue
  report[name] = await step().catch((error) => error.code)
}
console.log(JSON.stringify(report))
