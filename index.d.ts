import type { RedisClient, RedisStorageOptions, RedisTlsOptions } from './lib/redis-types.js'
import type { SQLiteDatabase, SQLiteStorageOptions } from './lib/sqlite-types.js'

export type { RedisClient, RedisStorageOptions, RedisTlsOptions, SQLiteDatabase, SQLiteStorageOptions }

/** Anything that JSON can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/** The named values that a conversation has gathered. Names that begin with `_` belong to FlowKit. */
export type Slots = Record<string, JsonValue>

/** The state of one conversation, as FlowKit hands it to a storage. Further members are kept as they are. */
export interface ConversationState {
  /** Names the conversation: well-formed text of 1 to 1,024 bytes (UTF-8). */
  conversationId: string
  /** The step of the flow that comes next. */
  currentStep: string
  /** What the conversation has gathered. */
  slots: Slots
  /** What was said, oldest first. */
  history: Array<{ role: 'user' | 'assistant'; content: string }>
  /** True if the conversation is over. */
  ended: boolean
  /** Milliseconds since 1970. */
  createdAt: number
  /** Milliseconds since 1970. */
  updatedAt: number
}

/** What FlowKit asks of a storage. Implement it to write your own. */
export interface StorageAdapter {
  /** Load conversation state. `null` if nothing is stored. */
  load(conversationId: string): Promise<ConversationState | null>
  /** Save conversation state, in place of what was stored before. */
  save(state: ConversationState): Promise<void>
  /** Delete conversation state. Resolves also if nothing is stored. */
  delete(conversationId: string): Promise<void>
}

/** What the four adapters of this package have in common. */
declare abstract class Adapter implements StorageAdapter {
  /**
   * Returns a fresh copy of what was last saved; `null` if nothing is stored.
   *
   * @throws {StorageError} rejects with `ERR_STORAGE_INVALID_ID`, `ERR_STORAGE_CORRUPT` if something else is stored
   * in the place of this conversation, or one of the codes of {@link StorageErrorCode} that say why the place cannot be
   * reached.
   */
  load(conversationId: string): Promise<ConversationState | null>
  /**
   * Stores the state as it is at the moment of the call: what happens to the object afterwards changes nothing.
   * Operations on one conversation take effect in the order of their calls, awaited or not. Once the promise resolves,
   * the state survives a crash of this process; see each adapter for power loss.
   *
   * @throws {StorageError} rejects with `ERR_STORAGE_INVALID_STATE` if JSON cannot hold the state,
   * `ERR_STORAGE_INVALID_ID`, or a code that says why the place cannot be reached.
   */
  save(state: ConversationState): Promise<void>
  /**
   * Returns whether something is stored for the conversation. It may still be no state: `load` then rejects with
   * `ERR_STORAGE_CORRUPT`.
   *
   * @example
   * if (!(await storage.has(conversationId))) await greet(conversationId)
   *
   * @throws {StorageError} rejects with `ERR_STORAGE_INVALID_ID` or a code that says why the place cannot be reached.
   */
  has(conversationId: string): Promise<boolean>
  /**
   * Removes the conversation. Resolves also if there is none.
   *
   * @throws {StorageError} rejects with `ERR_STORAGE_INVALID_ID` or a code that says why the place cannot be reached.
   */
  delete(conversationId: string): Promise<void>
  /**
   * Waits for pending operations and releases what the adapter itself opened. May be called again. Afterwards every
   * operation rejects with `ERR_STORAGE_CLOSED`. Calling it is optional: an adapter does not keep the process alive.
   */
  close(): Promise<void>
  /** The same as {@link Adapter.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
  /**
   * How the next operation will travel, as far as that can be told without one: off the event loop (`native`), or on the
   * user's own client or database (`inline`). It may change from one operation to the next.
   */
  readonly mode: 'native' | 'inline'
  /** Why, in words. */
  readonly modeReason: string
}

/** {@link MemoryStorage} has no options yet. */
export type MemoryStorageOptions = Record<string, never>

/** Keeps conversations in this process, outside V8's heap. They are gone when it ends. */
export declare class MemoryStorage extends Adapter {
  /** @throws {StorageError} `ERR_STORAGE_INVALID_OPTIONS` */
  constructor(options?: MemoryStorageOptions)
}

/** The options of {@link FileStorage}. */
export interface FileStorageOptions {
  /** The directory. Made at the first save, readable by its owner alone (0700); the files are 0600. */
  dir: string
  /**
   * The end of each file's name.
   *
   * @default ".json"
   */
  extension?: string | undefined
  /**
   * Write the JSON indented by two spaces, for the human eye.
   *
   * @default false
   */
  pretty?: boolean | undefined
  /**
   * Wait until file and directory are on the disk, so that an acknowledged save survives power loss. Without it, a save
   * still replaces the old state as a whole and still survives a crash of the process.
   *
   * @default true
   */
  durable?: boolean | undefined
}

/** Keeps each conversation in a JSON file of its own. */
export declare class FileStorage extends Adapter {
  /** @throws {StorageError} `ERR_STORAGE_INVALID_OPTIONS` */
  constructor(options: FileStorageOptions)
}

/** Keeps each conversation as a string value of a Redis server, with an expiry. Without `client` it connects by itself, at the first operation. */
export declare class RedisStorage extends Adapter {
  /** @throws {StorageError} `ERR_STORAGE_INVALID_OPTIONS` */
  constructor(options?: RedisStorageOptions)
}

/** Keeps conversations in an SQLite database. Saves that wait at the same time share one transaction and one disk sync. */
export declare class SQLiteStorage extends Adapter {
  /** @throws {StorageError} `ERR_STORAGE_INVALID_OPTIONS` */
  constructor(options: SQLiteStorageOptions)
}

/** What went wrong. A code keeps its name and its meaning. */
export type StorageErrorCode =
  /** A constructor's option is unknown, of the wrong type or out of range, or turned out unusable later. */
  | 'ERR_STORAGE_INVALID_OPTIONS'
  /** The conversation id is no well-formed, non-empty string of at most 1,024 bytes. */
  | 'ERR_STORAGE_INVALID_ID'
  /** JSON cannot hold the state, or it has no `conversationId`. */
  | 'ERR_STORAGE_INVALID_STATE'
  /** What is stored is not this conversation's state. It is left as it is; the next save replaces it. */
  | 'ERR_STORAGE_CORRUPT'
  /** The server cannot be reached, the disk is full, the database is locked. Retryable. */
  | 'ERR_STORAGE_UNAVAILABLE'
  /** No answer in time; whether the operation took effect is unknown. Retryable. */
  | 'ERR_STORAGE_TIMEOUT'
  /** Permissions, authentication, a read-only place; or a constraint or trigger of the database refuses it. */
  | 'ERR_STORAGE_DENIED'
  /** Reserved: a conditional write lost. Retryable. No operation raises it yet. */
  | 'ERR_STORAGE_CONFLICT'
  /** The adapter was closed. */
  | 'ERR_STORAGE_CLOSED'
  /** A bug in this package. The process lives on; please report it. */
  | 'ERR_STORAGE_INTERNAL'

/** Every error of this package. Its message holds neither passwords nor pieces of a state. */
export declare class StorageError extends Error {
  /** Distinguishes it from other errors, also across several copies of this package. */
  readonly name: 'StorageError'
  /** What went wrong. */
  readonly code: StorageErrorCode
  /** Which adapter it was. */
  readonly adapter: 'memory' | 'file' | 'redis' | 'sqlite'
  /** What it was doing. */
  readonly operation: 'construct' | 'load' | 'save' | 'has' | 'delete' | 'close'
  /** Absent where the operation had no usable id. */
  readonly conversationId?: string
  /** True if the same operation may succeed later. */
  readonly retryable: boolean
  /** The underlying error, with its own `code` such as `ENOSPC` or `SQLITE_BUSY`. */
  readonly cause?: Error & { code?: string }
}

// Only what says `export` is exported.
export {}
