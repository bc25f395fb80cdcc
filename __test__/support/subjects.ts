import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { inject, onTestFinished } from 'vitest'

import type { Handle } from '../../lib/handle.js'
import type { Runtime } from './child.js'
import type { Place } from './open.mjs'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

/** One adapter in one way of construction. */
export interface Subject {
  /** As the test report names it. */
  name: string
  /** True if a state outlives the process. */
  persistent: boolean
  /** True if it has locks and conditional writes. */
  locks?: boolean
  /** True if it can look through its conversations. */
  lists?: boolean
  /** False if it knows no age without an expiry. */
  ages?: boolean
  /** True if conversations expire. */
  expires?: boolean
  /** How often the writer of P5 is killed; by default as often as the environment says. */
  kills?: number
  /** The program that the processes run on that use it; by default what this one runs on. */
  runtime?: Runtime
  /** A new, empty place, removed after the test. */
  makePlace(): Promise<Place>
  /** Puts `text` where the adapter keeps the conversation, past the adapter. */
  plant(place: Place, storage: object, id: string, text: string): Promise<void>
}

export async function temporaryDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'flowkit-test-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Runs SQL with better-sqlite3 in a process of its own: on macOS a second copy of SQLite must not open a file in ours. */
export async function runSql(file: string, sql: string, ...parameters: unknown[]): Promise<unknown[]> {
  const script = `
    const [file, sql, parameters] = JSON.parse(process.argv[1])
    const db = require(${JSON.stringify(require.resolve('better-sqlite3'))})(file)
    const statement = db.prepare(sql)
    console.log(JSON.stringify(statement.reader ? statement.all(...parameters) : [statement.run(...parameters)]))`
  const { stdout } = await run(process.execPath, ['-e', script, JSON.stringify([file, sql, parameters])])
  return JSON.parse(stdout)
}

export const MEMORY: Subject = {
  name: 'memory',
  persistent: false,
  locks: true,
  lists: true,
  expires: true,
  makePlace: async () => ({ adapter: 'memory', options: undefined }),
  async plant(_place, storage, id, text) {
    // Only its native half can be given something that `save` would refuse.
    const [internal] = Object.getOwnPropertySymbols(storage) as [keyof typeof storage]
    ;(storage[internal] as { handle: Handle }).handle.run({ kind: 'save', id, text })
  },
}

function file(name: string, options: object): Subject {
  return {
    name,
    persistent: true,
    locks: true,
    lists: true,
    expires: true,
    makePlace: async () => ({
      adapter: 'file',
      options: { dir: join(await temporaryDirectory(), 'states'), ...options },
    }),
    async plant(place, _storage, id, text) {
      await mkdir(place.options.dir, { recursive: true })
      await writeFile(join(place.options.dir, `${id}${place.options.extension ?? '.json'}`), text)
    },
  }
}

function redis(name: string, options: () => object, adapter: 'redis' | 'ioredis' = 'redis'): Subject {
  return {
    name,
    persistent: true,
    locks: true,
    lists: true,
    expires: true,
    makePlace: async () => ({ adapter, options: { ...options(), prefix: `${randomUUID()}:` } }),
    async plant(place, _storage, id, text) {
      const client = new Redis(inject('redisPort'))
      await client.set(place.options.prefix + id, text)
      await client.quit()
    },
  }
}

export const SQLITE: Subject = {
  name: 'sqlite { path }',
  persistent: true,
  locks: true,
  lists: true,
  expires: true,
  makePlace: async () => ({
    adapter: 'sqlite',
    options: { path: join(await temporaryDirectory(), 'data', 'states.db') },
  }),
  async plant(place, storage, id, text) {
    await mkdir(dirname(place.options.path), { recursive: true })
    // Makes the table.
    await (storage as { load(id: string): Promise<unknown> }).load('nobody')
    const sql = 'INSERT OR REPLACE INTO conversations (id, state, updated_at) VALUES (?, ?, 1)'
    await runSql(place.options.path, sql, id, text)
  },
}

/** A connection of better-sqlite3 to a file. */
export function database(journal: 'DELETE' | 'WAL'): Subject {
  return {
    ...SQLITE,
    name: `better-sqlite3, a file in ${journal} mode, off the event loop`,
    makePlace: async () => {
      const place = await SQLITE.makePlace()
      await mkdir(dirname(place.options.path))
      return { adapter: 'better-sqlite3', options: { ...place.options, journal } }
    },
  }
}

export const FILE = file('file', {})

export const REDIS = redis('redis { host, port }', () => ({ host: '127.0.0.1', port: inject('redisPort') }))

/** The four adapters, one way of construction each. */
export const ADAPTERS: Subject[] = [MEMORY, FILE, SQLITE, REDIS]

/** Every further way to construct a file storage. */
export const FILE_VARIANTS: Subject[] = [
  file('file { pretty }', { pretty: true }),
  file('file { durable: false, extension }', { durable: false, extension: '.state' }),
]

export const REDIS_CLIENT = redis('redis { client }', () => ({ connection: { port: inject('redisPort') } }), 'ioredis')

/** Every further way to construct a Redis storage. */
export const REDIS_VARIANTS: Subject[] = [
  {
    ...redis('redis { url, ttl: 0 }', () => ({ url: `redis://127.0.0.1:${inject('redisPort')}/0`, ttl: 0 })),
    // The states of the contract tell old ones of their own.
    ages: false,
  },
  redis('redis { path }', () => ({ path: inject('redisSocket') })),
  REDIS_CLIENT,
  redis('redis { url: rediss:, tls }', () => ({
    url: `rediss://127.0.0.1:${inject('redisTlsPort')}`,
    tls: { ca: inject('redisTlsCa') },
  })),
]

export const VARIANTS: Subject[] = [...FILE_VARIANTS, ...REDIS_VARIANTS]
