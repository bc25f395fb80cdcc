// Nothing is kept of an operation that has ended, refused ones included. `FLOWKIT_LEAK_OPERATIONS=1000000` for a long run.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { describe, expect, inject, it } from 'vitest'

import { runSql, temporaryDirectory } from './support/subjects.js'

const OPERATIONS = Number(process.env.FLOWKIT_LEAK_OPERATIONS ?? 20_000)
/**
 * In MiB. V8's heap is exact after a collection: a hundred bytes an operation show in twenty thousand. The memory of the
 * process is not, as allocators keep some: a leak of native memory shows from a kilobyte an operation on, or from fifty
 * bytes in a million.
 */
const MOST_HEAP_GROWTH = 1.5
const MOST_GROWTH = Number(process.env.FLOWKIT_LEAK_MEBIBYTES ?? 24)
const script = fileURLToPath(new URL('children/leak.mjs', import.meta.url))

interface Held {
  rss: number
  descriptors: number
  handles: number
  heap: number
}

/** Each with something foreign in the place of one conversation. */
const KINDS: Record<string, () => Promise<{ place: object; corrupt: string }>> = {
  memory: async () => ({ place: { adapter: 'memory' }, corrupt: '' }),
  async file() {
    const dir = await temporaryDirectory()
    writeFileSync(`${dir}/corrupt.json`, '{')
    return { place: { adapter: 'file', options: { dir, durable: false } }, corrupt: 'corrupt' }
  },
  'sqlite { path }': sqlite,
  'sqlite { db } native': sqlite,
  'sqlite { db } inline': async () => ({ place: {}, corrupt: '' }),
  'redis { host, port }': redis,
  'redis { client }': redis,
}

async function sqlite() {
  const dir = await temporaryDirectory()
  mkdirSync(`${dir}/data`)
  const path = `${dir}/data/states.db`
  const table = 'id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL'
  await runSql(path, 'PRAGMA journal_mode = WAL')
  await runSql(path, `CREATE TABLE conversations (${table})`)
  await runSql(path, "INSERT INTO conversations VALUES ('corrupt', '{', 1)")
  return { place: { adapter: 'sqlite', options: { path } }, corrupt: 'corrupt' }
}

async function redis() {
  const prefix = `${randomUUID()}:`
  const port = inject('redisPort')
  const client = new Redis(port)
  await client.set(`${prefix}corrupt`, '{')
  await client.quit()
  return { place: { adapter: 'redis', options: { port, prefix } }, corrupt: 'corrupt' }
}

describe.runIf(process.platform === 'linux')(`${OPERATIONS} operations leave nothing behind`, () => {
  for (const [kind, prepare] of Object.entries(KINDS)) {
    it(kind, { timeout: 60_000 + OPERATIONS * 5 }, async () => {
      const argument = JSON.stringify({ kind, operations: OPERATIONS, ...(await prepare()) })
      const { before, after, refused } = await run(argument)
      if (process.env.FLOWKIT_LEAK_OPERATIONS) console.log(JSON.stringify({ kind, refused, before, after }))
      expect(refused).toBeGreaterThan(OPERATIONS / 4)
      expect(after.descriptors).toBe(before.descriptors)
      expect(after.handles).toBe(before.handles)
      expect(after.heap - before.heap).toBeLessThan(MOST_HEAP_GROWTH)
      expect(after.rss - before.rss).toBeLessThan(MOST_GROWTH)
    })
  }
})

function run(argument: string): Promise<{ before: Held; after: Held; refused: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--expose-gc', script, argument], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output))
      else reject(new Error(`it ended with ${code}: ${errors}`))
    })
  })
}
