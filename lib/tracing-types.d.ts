// The messages on channels of `node:diagnostics_channel`.

import type { StorageError } from './error-types.js'

/** The context of the tracing channel `flowkit-storage:operation`. One object from the beginning of an operation to its end. */
export interface OperationContext {
  adapter: StorageError['adapter']
  /** A page of a list, a count, a purge or a clear is one operation. */
  operation: 'load' | 'save' | 'has' | 'touch' | 'delete' | 'list' | 'count' | 'purge' | 'clear'
  /** It comes from a web request and may be a telephone number: think before it becomes an attribute of a span. */
  conversationId?: string
  /** How it was to travel when it began. */
  mode: 'native' | 'inline'
  /** The bytes of the JSON text: known at the beginning of a save and at the end of a load. */
  size?: number
  /** Of `load`, `has` and `touch`, at the end: true if something is stored. */
  found?: boolean
  /** Redis: the logical database. */
  database?: number
  /** Redis: the host, or the path of a socket. */
  serverAddress?: string
  /** Redis: the port. */
  serverPort?: number
  /** SQLite: the table. Redis: the prefix. */
  collection?: string
  /** The error that it rejected with. */
  error?: StorageError
}

/** The message of `flowkit-storage:lock`, at the end of each call of `withLock` and `update`. Times are in ms. */
export interface LockMessage {
  adapter: StorageError['adapter']
  conversationId: string
  /** The time until the lock was had, or the wait was over. */
  waited: number
  /** The time for which it was had; 0 if it was not. */
  held: number
  /** `lost`: somebody else took the lock meanwhile. `failed`: the function threw. */
  outcome: 'done' | 'failed' | 'timeout' | 'aborted' | 'lost'
  /** How many wait for it here, behind the one that has it then. */
  waiters: number
}

/** The message of `flowkit-storage:unlocked-write`: a plain write on a conversation that this storage has locked. */
export interface UnlockedWriteMessage {
  adapter: StorageError['adapter']
  conversationId: string
  operation: 'save' | 'delete'
}

/** The message of `flowkit-storage:mode`: operations travel in another way from now on. */
export interface ModeMessage {
  adapter: StorageError['adapter']
  mode: 'native' | 'inline'
  reason: string
}

/** The message of `flowkit-storage:connection`: the storage's own connection to a server is lost, or back. */
export interface ConnectionMessage {
  adapter: StorageError['adapter']
  state: 'lost' | 'back'
  /** Of `lost`: why. Never a password. */
  reason?: string
  /** Of `back`: ms since it was lost. It is opened again only once an operation wants it. */
  ms?: number
  database?: number
  serverAddress?: string
  serverPort?: number
  collection?: string
}

/** The message of `flowkit-storage:sweep`: expired conversations were removed in the background, or there were none. */
export interface SweepMessage {
  adapter: StorageError['adapter']
  removed: number
  /** How many have no known age, and stay. */
  unknown: number
  /** How long it took, with its pauses. */
  ms: number
  collection?: string
}

/** The message of `flowkit-storage:eviction`: `MemoryStorage` forgot a conversation because of `maxConversations` or `maxBytes`. */
export interface EvictionMessage {
  adapter: StorageError['adapter']
  conversationId: string
  /** The bytes of its id and JSON text. */
  size: number
}
