import { once } from 'node:events'
import { createRequire } from 'node:module'

import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '../../index.js'

const require = createRequire(import.meta.url)

// Loaded where they are needed: to load ioredis takes as long as to start Node.js, and thousands of processes come by here.

/** Returns better-sqlite3, or the version of it that the process was started with. */
export const loadBetterSqlite = () => require(process.env.FLOWKIT_BETTER_SQLITE3 ?? 'better-sqlite3')

const CLASSES = { memory: MemoryStorage, file: FileStorage, redis: RedisStorage, sqlite: SQLiteStorage }

/** When the clients of storages are connected. */
const connected = new WeakMap()

/** Waits for the client of a storage, where it has one. */
export async function ready(storage) {
  await connected.get(storage)
}

/**
 * Constructs the adapter of a place. A place is plain data, so that it can be given to a child process.
 *
 * @param {{ adapter: keyof typeof CLASSES | 'better-sqlite3' | 'ioredis', options: object }} place
 */
export function openPlace(place) {
  if (place.adapter === 'better-sqlite3') {
    const { path, journal, ...options } = place.options
    const db = new (loadBetterSqlite())(path)
    if (journal !== undefined) db.pragma(`journal_mode = ${journal}`)
    return new SQLiteStorage({ db, ...options })
  }
  if (place.adapter === 'ioredis') {
    const { connection, ...options } = place.options
    const { Redis } = require('ioredis6')
    const client = new Redis(connection)
    // A connected client keeps its process alive for ever; what is asked here is whether the storage does.
    client.on('ready', () => client.stream.unref())
    const storage = new RedisStorage({ client, ...options })
    connected.set(storage, once(client, 'ready'))
    return storage
  }
  return new CLASSES[place.adapter](place.options)
}
