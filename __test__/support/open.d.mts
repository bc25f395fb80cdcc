import type { MemoryStorage } from '../../index.js'

export interface Place {
  adapter: 'memory' | 'file' | 'redis' | 'sqlite' | 'better-sqlite3' | 'ioredis' | 'node-redis'
  // biome-ignore lint/suspicious/noExplicitAny: the options of whichever adapter it is
  options: any
}

/** Waits for the client of a storage, where it has one. */
export function ready(storage: object): Promise<void>

/** Constructs the adapter of a place. They all have the methods of this one. */
export function openPlace(place: Place): MemoryStorage
export function loadBetterSqlite(): typeof import('better-sqlite3')
