import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Redis } from 'ioredis'
import { inject, onTestFinished } from 'vitest'

import { BetterSqliteStorage, FilesStorage, IoredisStorage, MapStorage } from '../../benchmark/reference/index.mjs'
import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage, type StorageAdapter } from '../../index.js'
import { temporaryDirectory } from './subjects.js'

/** A reference adapter and ours on the same place. */
export interface Pair {
  reference: StorageAdapter
  ours: StorageAdapter
  /** Ours again, by an address instead of the user's own object. */
  byAddress?: StorageAdapter
  /** Puts `text` where both keep the conversation. */
  plant(id: string, text: string): Promise<unknown>
  /** The stored texts, by id; ordinary ids only. */
  stored(): Promise<Record<string, unknown>>
}

export type Name = 'Map' | 'files' | 'ioredis' | 'better-sqlite3'

const FILE_OPTIONS = { extension: '.state.json', pretty: true }

/** Each on a new, empty place, removed after the test. */
export const PAIRS: Record<Name, () => Promise<Pair>> = {
  async Map() {
    const states = new MapStorage()
    return { reference: states, ours: new MemoryStorage(), plant: async () => {}, stored: async () => ({}) }
  },

  async files() {
    const { readdir, readFile } = await import('node:fs/promises')
    const dir = join(await temporaryDirectory(), 'states')
    const { extension } = FILE_OPTIONS
    return {
      reference: new FilesStorage({ dir, ...FILE_OPTIONS, fsync: false }),
      ours: new FileStorage({ dir, ...FILE_OPTIONS, durable: false }),
      async plant(id, text) {
        await mkdir(dir, { recursive: true })
        await writeFile(join(dir, id + extension), text)
      },
      async stored() {
        const names = (await readdir(dir)).filter((name) => name.endsWith(extension)).sort()
        const texts = await Promise.all(names.map((name) => readFile(join(dir, name), 'utf8')))
        return Object.fromEntries(names.map((name, index) => [name, texts[index]]))
      },
    }
  },

  async ioredis() {
    const client = new Redis(inject('redisPort'))
    onTestFinished(() => void client.disconnect())
    const options = { client, prefix: `${randomUUID()}:`, ttl: 1000 }
    return {
      reference: new IoredisStorage(options),
      ours: new RedisStorage(options),
      byAddress: new RedisStorage({ port: inject('redisPort'), prefix: options.prefix, ttl: options.ttl }),
      plant: (id, text) => client.set(options.prefix + id, text),
      async stored() {
        const keys = (await client.keys(`${options.prefix}*`)).sort()
        const rows = keys.map(async (key) => [
          key.slice(options.prefix.length),
          await client.get(key),
          await client.ttl(key),
        ])
        return Object.fromEntries((await Promise.all(rows)).map(([key, ...rest]) => [key, rest]))
      },
    }
  },

  async 'better-sqlite3'() {
    // One connection for both: two copies of SQLite must never have one file open in one process.
    const db = new Database(join(await temporaryDirectory(), 'states.db'))
    onTestFinished(() => void db.close())
    return {
      reference: new BetterSqliteStorage({ db }),
      ours: new SQLiteStorage({ db }),
      plant: async (id, text) => db.prepare('INSERT OR REPLACE INTO conversations VALUES (?, ?, 1)').run(id, text),
      async stored() {
        const rows = db.prepare('SELECT id, state, typeof(updated_at) AS time FROM conversations ORDER BY id').all()
        return Object.fromEntries((rows as { id: string }[]).map(({ id, ...rest }) => [id, rest]))
      },
    }
  },
}
