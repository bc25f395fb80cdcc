import { createRequire } from 'node:module'

import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '../../index.js'

/** better-sqlite3, or the version of it that whoever started this process has chosen. */
export const Database = createRequire(import.meta.url)(process.env.FLOWKIT_BETTER_SQLITE3 ?? 'better-sqlite3')

const CLASSES = { memory: MemoryStorage, file: FileStorage, redis: RedisStorage, sqlite: SQLiteStorage }

/**
 * Constructs the adapter of a place. A place is plain data, so that it can be given to a child process.
 *
 * @param {{ adapter: keyof typeof CLASSES | 'better-sqlite3', options: object }} place
 */
export function openPlace(place) {
  if (place.adapter === 'better-sqlite3') {
    const { path, journal, ...options } = place.options
    const db = new Database(path)
    if (journal !== undefined) db.pragma(`journal_mode = ${journal}`)
    return new SQLiteStorage({ db, ...options })
  }
  return new CLASSES[place.adapter](place.options)
}
