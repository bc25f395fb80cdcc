// The exported contract on the four adapters, under the test runner that this is started with.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '@andresaya/flowkit-storage'
import { runStorageContract } from '@andresaya/flowkit-storage/testing'

// `COMPAT_DIR` is removed by whoever started this.
const dir = mkdtempSync(join(process.env.COMPAT_DIR ?? tmpdir(), 'contract-'))
const port = Number(process.env.COMPAT_REDIS_PORT)
let serial = 0

// A share of the usual rounds: this is about the runtime, and the project's own tests run them all.
const options = { codes: true, lock: true, rounds: 1000, runs: 30, largestState: 8 * 1024 * 1024 }
const ADAPTERS = {
  memory: () => new MemoryStorage(),
  file: () => new FileStorage({ dir: join(dir, `files-${serial++}`) }),
  sqlite: () => new SQLiteStorage({ path: join(dir, `states-${serial++}.db`) }),
  ...(port ? { redis: () => new RedisStorage({ port, prefix: `contract:${process.pid}:${serial++}:` }) } : {}),
}
for (const [name, open] of Object.entries(ADAPTERS)) runStorageContract(open, { ...options, name })
