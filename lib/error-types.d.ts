// The errors of this package.

/** The kinds of failure. A code keeps its name and its meaning. */
export type StorageErrorCode =
  /** A constructor's option is unknown, of the wrong type or out of range, or turned out unusable later. */
  | 'ERR_STORAGE_INVALID_OPTIONS'
  /** The conversation id is no well-formed, non-empty string of at most 1,024 bytes. */
  | 'ERR_STORAGE_INVALID_ID'
  /** JSON cannot hold the state, or it has no `conversationId`. */
  | 'ERR_STORAGE_INVALID_STATE'
  /** The stored text is not this conversation's state. It is left as it is; the next save replaces it. */
  | 'ERR_STORAGE_CORRUPT'
  /** The server cannot be reached, the disk is full, the database is locked, the system refuses a thread. Retryable. */
  | 'ERR_STORAGE_UNAVAILABLE'
  /**
   * No reply in time; whether the operation took effect is unknown. If the operation is `lock`, the wait or `hold` was over.
   * Retryable.
   */
  | 'ERR_STORAGE_TIMEOUT'
  /** Permissions, authentication, a read-only place; or the file system, a constraint or a trigger refuses it. */
  | 'ERR_STORAGE_DENIED'
  /** A conditional write, or a write inside a lock, was refused: the conversation was changed meanwhile. Retryable. */
  | 'ERR_STORAGE_CONFLICT'
  /** The user's client or database cannot do this operation; the message says what can. */
  | 'ERR_STORAGE_UNSUPPORTED'
  /** The adapter was closed. */
  | 'ERR_STORAGE_CLOSED'
  /** A bug in this package. The process lives on; please report it. */
  | 'ERR_STORAGE_INTERNAL'

/** Every error of this package. Its message holds neither passwords nor pieces of a state. */
export declare class StorageError extends Error {
  /** Distinguishes it from other errors, also across several copies of this package. */
  readonly name: 'StorageError'
  /** The kind of failure. */
  readonly code: StorageErrorCode
  /** Which adapter it was. */
  readonly adapter: 'memory' | 'file' | 'redis' | 'sqlite' | 'custom'
  /** The operation that failed. */
  readonly operation:
    | 'construct'
    | 'load'
    | 'save'
    | 'has'
    | 'touch'
    | 'delete'
    | 'list'
    | 'count'
    | 'purge'
    | 'clear'
    | 'lock'
    | 'update'
    | 'close'
  /** Absent where the operation had no usable id. */
  readonly conversationId?: string
  /** True if the same operation may succeed later. */
  readonly retryable: boolean
  /** The underlying error, with its own `code` such as `ENOSPC` or `SQLITE_BUSY`. */
  readonly cause?: Error & { code?: string }
}
