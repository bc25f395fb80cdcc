// The types of looks through the conversations.

import type { AbortSignalLike } from './lock-types.js'

/** A conversation, without its state. */
export interface StoredConversation {
  /** Its id. */
  id: string
  /** The bytes of its JSON text, as it is stored. */
  size: number
  /** The time when it was last saved or touched, in ms since 1970. `null` if that is not known: in Redis without a `ttl`. */
  updatedAt: number | null
  /** The time when it expires, in ms since 1970. `null` for never. */
  expiresAt: number | null
}

/** The options of `list`. */
export interface ListOptions {
  /** Lists only ids that begin so. */
  prefix?: string | undefined
  /** Lists only those that were last saved or touched before, in ms since 1970. */
  updatedBefore?: number | undefined
  /** Lists at most so many. */
  limit?: number | undefined
  /** Goes on where an earlier list ended: its {@link ConversationList.cursor}. */
  cursor?: string | undefined
  /**
   * `false` lists ids alone, which is several times as fast.
   *
   * @default true
   */
  details?: boolean | undefined
  /** Ends the list: the next conversation that is asked for rejects with its reason. */
  signal?: AbortSignalLike | undefined
}

/** The options of `count`. */
export interface CountOptions {
  /** Counts only ids that begin so. */
  prefix?: string | undefined
  /** Ends the count; the call rejects with its reason. */
  signal?: AbortSignalLike | undefined
}

/** The conversations as they are asked for. It is over after `return()`, `throw()` and an error, as an async generator is. */
export interface ConversationList<Item> extends AsyncIterableIterator<Item> {
  /**
   * Where to go on, in another process or request, with the option `cursor`. `null` at the end, and before anything was listed.
   * If a page was not listed whole, it begins with that page again.
   */
  readonly cursor: string | null
}

/** The options of `purge`. */
export interface PurgeOptions {
  /** Seconds since a conversation was last saved or touched. */
  olderThan: number
  /** Removes only ids that begin so. */
  prefix?: string | undefined
  /** Removes at most so many. */
  limit?: number | undefined
  /**
   * Removes nothing, and counts what would be removed.
   *
   * @default false
   */
  dryRun?: boolean | undefined
  /** Ends it; the call rejects with its reason. */
  signal?: AbortSignalLike | undefined
}

/** The result of `purge`. */
export interface PurgeResult {
  /** The number of conversations that were removed. */
  removed: number
  /** The number of those that are younger, or that somebody has locked. */
  kept: number
  /** The number of those whose age is not known. They are kept. */
  unknown: number
}

/** The options of `clear`: what to delete has to be said. */
export type ClearOptions = { all: true; prefix?: undefined } | { prefix: string; all?: undefined }
