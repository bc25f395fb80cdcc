// Nothing is kept of an operation that has ended, refused ones included. `FLOWKIT_LEAK_OPERATIONS=1000000` for a long run.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { describe, expect, inject, it } from 'vitest'

import { runSql, temporaryDirectory } from './support/subjects.js'
import { LONG } from './support/waiting.js'

const OPERATIONS = Number(process.env.FLOWKIT_LEAK_OPERATIONS ?? 20_000)
const TURNS = process.env.FLOWKIT_LEAK_OPERATIONS ? OPERATIONS : 1_000
/**
 * In MiB. V8's heap is exact after a collection: a hundred bytes an operation show in twenty thousand. The memory of the
 * process is not, as allocators keep some: a leak of native memory shows from a kilobyte an operation on, or from fifty
 * bytes in a million.
 */
const MOST_HEAP_GROWTH = 1.5
const MOST_GROWTH = Number(process.env.FLOWKIT_LEAK_MEBIBYTES ?? 24)
const script = fileURLToPath(new URL('children/leak.mjs', import.meta.url))

interface Options {
  dir?: string
  path?: string
  prefix?: string
}

interface Held {
  rss: number
  descriptors: number
  handles: number
  heap: number
}

/** Each with something foreign in the place of one conversation. */
const KINDS: Record<string, () => Promise<{ place: { options?: Options }; corrupt: string }>> = {
  memory: async () => ({ place: { adapter: 'memory', options: {} }, corrupt: 'corrupt' }),
  async file() {
    const dir = await temporaryDirectory()
    writeFileSync(`${dir}/corrupt.json`, '{')
    return { place: { adapter: 'file', options: { dir, durable: false } }, corrupt: 'corrupt' }
  },
  'sqlite { path }': sqlite,
  'sqlite { db } native': sqlite,
  'sqlite { db } inline': async () => ({ place: {}, corrupt: 'corrupt' }),
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

interface Report {
  before: Held
  after: Held
  refused: number
  /** How many conversations the storage takes for locked. */
  locked: number
}

/** Runs so many operations, or turns, on an adapter of this kind. Returns its place once it has ended. */
async function leave(kind: string, count: number, act: 'operate' | 'turn', least: number) {
  const prepared = await (KINDS[kind] as (typeof KINDS)[string])()
  const report = await run(JSON.stringify({ kind, act, operations: count, ...prepared }))
  const { before, after, refused } = report
  if (process.env.FLOWKIT_LEAK_OPERATIONS) console.log(JSON.stringify({ kind, act, ...report }))
  expect(refused).toBeGreaterThan(least)
  expect(after.descriptors).toBe(before.descriptors)
  expect(after.handles).toBe(before.handles)
  expect(after.heap - before.heap).toBeLessThan(MOST_HEAP_GROWTH)
  expect(after.rss - before.rss).toBeLessThan(MOST_GROWTH)
  expect(report.locked).toBe(0)
  return prepared.place.options ?? {}
}

describe.runIf(process.platform === 'linux')(`${OPERATIONS} operations leave nothing behind`, () => {
  for (const kind of Object.keys(KINDS)) {
    it(kind, { timeout: LONG + OPERATIONS * 5 }, () => leave(kind, OPERATIONS, 'operate', OPERATIONS / 4))
  }
})

describe.runIf(process.platform === 'linux')(`${TURNS} turns leave nothing behind, and no lock`, () => {
  for (const kind of Object.keys(KINDS)) {
    it(kind, { timeout: LONG + TURNS * 20 }, async () => {
      const { dir, path, prefix } = await leave(kind, TURNS, 'turn', TURNS / 10)
      if (dir) expect(readdirSync(dir).filter((name) => name.endsWith('.lock'))).toEqual([])
      if (path) expect(await runSql(path, 'SELECT * FROM conversations_locks')).toEqual([])
      if (!prefix) return
      const client = new Redis(inject('redisPort'))
      expect((await client.keys(`${prefix}*`)).filter((key) => key.includes('lock:'))).toEqual([])
      await client.quit()
    })
  }
})

function run(argument: string): Promise<Report> {
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
