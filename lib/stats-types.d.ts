// What `stats()` returns.

/** The operations of one kind, since the storage was made. Times are in ms, within 1 %; 0 if there was none. */
export interface OperationStats {
  /** How many have ended. */
  calls: number
  /** How many of them failed. */
  errors: number
  /** The time in which half of them ended: from the hand-over to the end that JavaScript sees. */
  p50: number
  p90: number
  p99: number
  max: number
}

/** What a storage has counted since it was made. */
export interface StorageStats {
  /**
   * By public method. A page of a list, a count, a purge or a clear is one call, and so is a save inside a lock. `lock` is each attempt to
   * take a lock, and each renewal. What a wrong argument refused is not counted.
   */
  operations: Record<
    'load' | 'save' | 'has' | 'touch' | 'delete' | 'list' | 'count' | 'purge' | 'clear' | 'lock' | 'unlock',
    OperationStats
  >
  /** Operations that were called and have not ended. */
  waiting: number
  /** The bytes of their ids and texts. */
  waitingBytes: number
  /**
   * The work that operations share: a sync of the directory (files), a transaction (SQLite), a network write (Redis). Of our own connections
   * only; `memory`, and what travels inline, has none. Saves of one conversation that files coalesce count once.
   */
  commits: {
    count: number
    /** How many operations they had together. */
    operations: number
    /** The most that one had. */
    largest: number
    /** The time in which 99 % of them were done, in ms. */
    p99: number
  }
  /** Bytes of JSON that loads returned. */
  loaded: number
  /** Bytes of JSON that saves stored. */
  saved: number
  /** Conditional writes that changed nothing, since something else was stored or somebody else had the lock. */
  conflicts: number
  /** How often a load found something that is no state. */
  corrupt: number
  /** Conversations that sweeps of this storage removed. */
  expired: number
  /** How calls of `withLock` and `update` ended, as `flowkit-storage:lock` tells it. */
  locks: { done: number; failed: number; timeout: number; aborted: number; lost: number }
  /** Of `MemoryStorage`. */
  memory?: {
    conversations: number
    /** Of ids and texts. */
    bytes: number
    /** Conversations that were forgotten because of the limits. */
    evicted: number
  }
  /** What is remembered of histories. Absent if nothing is. */
  snapshots?: {
    conversations: number
    /** In both halves, roughly. */
    bytes: number
    /** Loads and saves that left out what was remembered. */
    hits: number
  }
}
