import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '../../index.js'

const CLASSES = { memory: MemoryStorage, file: FileStorage, redis: RedisStorage, sqlite: SQLiteStorage }

/**
 * Constructs the adapter of a place. A place is plain data, so that it can be given to a child process.
 *
 * @param {{ adapter: keyof typeof CLASSES, options: object }} place
 */
export function openPlace(place) {
  return new CLASSES[place.adapter](place.options)
}
