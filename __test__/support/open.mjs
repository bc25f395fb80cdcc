import Database from 'better-sqlite3'

import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '../../index.js'

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
