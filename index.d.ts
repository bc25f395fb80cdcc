import type { Adapter } from './lib/adapter-types.js'
import type { SequentializeOptions } from './lib/lock-types.js'
import type { LoggerOptions } from './lib/logger-types.js'
import type { ConversationPlace } from './lib/place-types.js'
import type { RedisStorageOptions } from './lib/redis-types.js'
import type { RetentionOptions } from './lib/retention-types.js'
import type { SnapshotOptions } from './lib/snapshot-types.js'
import type { SQLiteStorageOptions } from './lib/sqlite-types.js'
import type { ConversationState } from './lib/state-types.js'

export { StorageError, type StorageErrorCode } from './lib/error-types.js'
export type {
  ClearOptions,
  ConversationList,
  CountOptions,
  ListOptions,
  PurgeOptions,
  PurgeResult,
  StoredConversation,
} from './lib/list-types.js'
export type {
  AbortSignalLike,
  ConversationEntry,
  ConversationLock,
  LockOptions,
  LockSignal,
  SequentializeOptions,
  UpdateOptions,
  WriteOptions,
} from './lib/lock-types.js'
export type { Logger, LoggerOptions } from './lib/logger-types.js'
export type { ConversationPlace, ListedConversation, StoredContent } from './lib/place-types.js'
export type { RedisClient, RedisStorageOptions, RedisTlsOptions } from './lib/redis-types.js'
export type { RetentionOptions } from './lib/retention-types.js'
export type { SQLiteDatabase, SQLiteStorageOptions } from './lib/sqlite-types.js'
export type { ConversationState, JsonValue, Slots, StorageAdapter } from './lib/state-types.js'
export type { OperationStats, StorageStats } from './lib/stats-types.js'
export type {
  ConnectionMessage,
  EvictionMessage,
  LockMessage,
  ModeMessage,
  OperationContext,
  SweepMessage,
  UnlockedWriteMessage,
} from './lib/tracing-types.js'

/** Whatever can lock a conversation, as the storages of this package do. */
export interface ConversationLocker {
  /** See {@link Adapter.withLock}. */
  withLock: Adapter['withLock']
}

/**
 * Returns the same engine, whose calls on one conversation run one after another, in all processes.
 *
 * @example
 * const engine = sequentialize(new FlowEngine(flow, { llm, storage }), storage)
 *
 * @throws {TypeError} if the engine is frozen, or an argument is of the wrong kind
 */
export declare function sequentialize<Engine extends object>(
  engine: Engine,
  storage: ConversationLocker,
  options?: SequentializeOptions,
): Engine

/** The options of {@link MemoryStorage}. */
export interface MemoryStorageOptions extends LoggerOptions, RetentionOptions, SnapshotOptions {
  /**
   * The number of conversations that are kept at most. Beyond it, those that were not used for longest are forgotten.
   *
   * @default no limit
   */
  maxConversations?: number | undefined
  /**
   * The same in bytes of ids and JSON texts. A conversation that is larger by itself is refused with `ERR_STORAGE_UNAVAILABLE`.
   *
   * @default no limit
   */
  maxBytes?: number | undefined
}

/** Keeps conversations in this process, outside V8's heap. They are gone when it ends. */
export declare class MemoryStorage<State extends ConversationState = ConversationState> extends Adapter<State> {
  /** @throws {StorageError} `ERR_STORAGE_INVALID_OPTIONS` */
  constructor(options?: MemoryStorageOptions)
}

/** A `URL`. Written out, since its own type is only known with the types of Node.js or of a browser. */
interface FileUrl {
  readonly href: string
  readonly protocol: string
}

/** The options of {@link FileStorage}. */
export interface FileStorageOptions extends LoggerOptions, RetentionOptions, SnapshotOptions {
  /**
   * The directory, as a path or a `file:` URL. Made at the first save, readable by its owner alone (0700); the files are 0600.
   *
   * @example
   * new FileStorage({ dir: new URL('./data', import.meta.url) })
   */
  dir: string | FileUrl
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
export declare class FileStorage<State extends ConversationState = ConversationState> extends Adapter<State> {
  /** @throws {StorageError} `ERR_STORAGE_INVALID_OPTIONS` */
  constructor(options: FileStorageOptions)
}

/** Keeps each conversation as a string value of a Redis server, with an expiry. Without `client` it connects by itself, at the first operation. */
export declare class RedisStorage<State extends ConversationState = ConversationState> extends Adapter<State> {
  /** @throws {StorageError} `ERR_STORAGE_INVALID_OPTIONS` */
  constructor(options?: RedisStorageOptions)
}

/** Keeps conversations in an SQLite database. Saves that wait at the same time share one transaction and one disk sync. */
export declare class SQLiteStorage<State extends ConversationState = ConversationState> extends Adapter<State> {
  /** @throws {StorageError} `ERR_STORAGE_INVALID_OPTIONS` */
  constructor(options: SQLiteStorageOptions)
}

/** The options of {@link CustomStorage}. It removes nothing by itself; `purge` does. */
export type CustomStorageOptions = LoggerOptions & Omit<RetentionOptions, 'sweep'>

/**
 * The base of a storage of your own that keeps the whole contract, locks and conditional saves included.
 *
 * @example
 * class MyStorage extends CustomStorage {
 *   constructor(pool) {
 *     super(new MyPlace(pool))
 *   }
 * }
 */
export declare class CustomStorage<State extends ConversationState = ConversationState> extends Adapter<State> {
  /** @throws {StorageError} `ERR_STORAGE_INVALID_OPTIONS` */
  constructor(place: ConversationPlace, options?: CustomStorageOptions)
}

// Only what says `export` is exported.
export {}
