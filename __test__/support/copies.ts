import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { onTestFinished } from 'vitest'

import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage, type StorageAdapter } from '../../index.js'
import samples from '../../testing/samples.js'

const require = createRequire(import.meta.url)
const MAIN = require.resolve('../../cli/main.js')

/** A stored text and its age. */
export interface Raw {
  text: string
  updatedAt: number | null
  expiresAt: number | null
}

type Age = { updatedAt?: number | undefined; expiresAt?: number | undefined }

export const { readRaw, putRaw } = require('../../cli/raw.js') as {
  readRaw(storage: object, id: string): Promise<Raw | null>
  putRaw(storage: object, id: string, text: string, options: { expected?: string | null } & Age): Promise<boolean>
}

/** The storage, with the looks that tests take. */
export type Listed = StorageAdapter & {
  list(options?: object): AsyncIterable<{ id: string }>
  count(options?: object): Promise<number>
  close(): Promise<void>
}

/** A store that can be opened here, and by the command line unless it is memory. */
export interface Place {
  /** What the command line calls it; `undefined` for memory. */
  address: string | undefined
  open(): Listed
}

export type Way = 'memory' | 'files' | 'SQLite' | 'Redis'

/** Seconds that conversations live in Redis, where nothing else tells their age. */
export const TTL = 30 * 86_400

export async function makeDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'flowkit-copy-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Returns a new, empty place, which is removed after the test. */
export async function makePlace(way: Way, redisPort?: number): Promise<Place> {
  if (way === 'memory') {
    const storage = new MemoryStorage() as unknown as Listed
    onTestFinished(() => storage.close())
    return { address: undefined, open: () => storage }
  }
  const opened = (storage: unknown) => {
    onTestFinished(() => (storage as Listed).close())
    return storage as Listed
  }
  if (way === 'Redis') {
    const url = `redis://127.0.0.1:${redisPort}`
    const prefix = `copy-${randomUUID()}:`
    const address = `${url}?prefix=${prefix}&ttl=${TTL}`
    return { address, open: () => opened(new RedisStorage({ url, prefix, ttl: TTL })) }
  }
  const dir = join(await makeDirectory(), 'store')
  if (way === 'files') return { address: dir, open: () => opened(new FileStorage({ dir })) }
  return { address: `${dir}.db`, open: () => opened(new SQLiteStorage({ path: `${dir}.db` })) }
}

/** Two empty stores with an address, files and a database. */
export async function two() {
  const [from, to] = [await makePlace('files'), await makePlace('SQLite')]
  const addresses = [from.address as string, to.address as string]
  return { from: from.open(), to: to.open(), addresses, places: { from, to } }
}

/** Stores a text that was saved so many ms ago. */
export const put = (storage: object, id: string, content: string, ago: number) =>
  putRaw(storage, id, content, { updatedAt: Date.now() - ago })

/** JSON that says the same in other bytes than `JSON.stringify` writes. */
const SPELLINGS: ((id: string) => string)[] = [
  (id) => JSON.stringify(samples.sample(id)),
  (id) => JSON.stringify(samples.sample(id, { slots: { text: 'x'.repeat(20_000) } }), null, 2),
  (id) => `{ "updatedAt" : 1.7e12,\t"conversationId":${JSON.stringify(id)}, "n": 1.0, "n": 1E+2, "slots":{}}`,
  (id) =>
    `{"conversationId":${JSON.stringify(id)},"a":"\\u00e9\\ud800\\/","b":"é\u2028\ufeff","updatedAt":1700000000001}`,
  (id) => `\r\n{"conversationId":${JSON.stringify(id)},"a":[1e400,-0,123456789012345678901234567890]}\n`,
]

/** Stores `count` conversations of all ages and spellings. */
export async function fill(storage: object, count: number): Promise<void> {
  const hostile = samples.hostileIds()
  const now = Date.now()
  for (let from = 0; from < count; from += 256) {
    const numbers = Array.from({ length: Math.min(256, count - from) }, (_, at) => from + at)
    await Promise.all(
      numbers.map((number) => {
        const id = hostile[number] ?? `user-${number}`
        const updatedAt = now - 3_600_000 * (1 + (number % 500))
        const text = (SPELLINGS[number % SPELLINGS.length] as (id: string) => string)(id)
        return putRaw(storage, id, text, { expected: null, updatedAt, expiresAt: updatedAt + TTL * 1_000 })
      }),
    )
  }
}

/** Returns all that is stored. */
export async function readAll(storage: Listed): Promise<Map<string, Raw>> {
  const found = new Map<string, Raw>()
  for await (const { id } of storage.list()) {
    const raw = await readRaw(storage, id)
    if (raw !== null) found.set(id, raw)
  }
  return found
}

export interface Ended {
  code: number | null
  signal: string | null
  stdout: string
  stderr: string
}

/** The command line, as a process. */
export function run(args: string[], { stdin, env }: { stdin?: string | Buffer; env?: NodeJS.ProcessEnv } = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  child.stdin.on('error', () => {})
  if (stdin !== undefined) child.stdin.end(stdin)
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, ended }
}

/** Runs the command line to its end. */
export const cli = (args: string[], options?: Parameters<typeof run>[1]): Promise<Ended> => run(args, options).ended

/** Copies in this process, as the command does. Ends with the exit code, and rejects if it is aborted. */
export function copyHere(from: object, to: object, signal = new AbortController().signal): Promise<number> {
  const { copy } = require('../../cli/commands/copy.js')
  const { Output } = require('../../cli/output.js')
  const nowhere = () => new Output(new Writable({ write: (_chunk, _encoding, done) => done() }), {})
  const settings = { overwrite: 'older', isDry: false, concurrency: 64 }
  return copy(from, to, { values: {}, out: nowhere(), err: nowhere(), signal }, settings)
}

/** Returns whether there is a store that can be looked at. */
export const isThere = ({ address }: Place) => address === undefined || !address.startsWith('/') || existsSync(address)
