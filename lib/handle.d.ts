// The one interface between an adapter and whatever does its operations.

import type { Condition, Kind, MemoryHandle, ScanOptions } from '../binding.js'
import type { StorageStats } from './stats-types.js'
import type { OperationContext } from './tracing-types.js'

/** An operation as data. What each kind is like stands in `crates/store/src/request.rs`. */
export interface Operation {
  kind: Lowercase<keyof typeof Kind>
  /** The conversation's id, checked. */
  id: string
  /** The JSON of a state, for kinds that store one. */
  text?: string | undefined
  /** Seconds until the conversation expires; 0 for never. */
  ttl?: number | undefined
  /** Makes a load or a save on a native handle shorter ("short form"). Of a save, `text` is then a getter. */
  short?: ShortOperation | undefined
  /** For conditional writes and locks. */
  condition?: Condition | undefined
  /** For looks through all conversations. They have no id. */
  scan?: ScanOptions | undefined
}

/** The native methods that take what crosses in place of a whole state. */
export interface ShortHandle {
  saveShort(...args: Parameters<MemoryHandle['saveShort']>): Result | Failure | Promise<Result>
  loadShort(...args: Parameters<MemoryHandle['loadShort']>): Result | Failure | Promise<Result>
}

/** What crosses to native code in place of a whole state (`lib/short-operations.js`). */
export interface ShortOperation {
  /**
   * Hands the operation over. Returns `undefined` in place of its result if it has to travel whole. `key` is the id for
   * the native side; `now` is in ms since 1970.
   */
  run(
    native: ShortHandle,
    operation: Operation,
    key: string,
    now: number,
  ): { result: Result | Failure | Promise<Result> } | undefined
  /** The bytes of the whole text of a save. */
  readonly size?: number | undefined
  /** Puts what was left out into the state that was loaded. */
  restore?(state: { history: unknown[] }, first: number, count: number): void
}

/** The lock, or a place in the line of those that wait for it. */
export interface Entered {
  held: boolean
  /** How many are in front. */
  ahead: number
  /** How many wait. */
  waiting: number
  /** The stored text, if the lock is had and there is one. */
  text?: string
  /** True if the user's connection is inside a transaction, so that nothing was tried. */
  isBusy?: boolean
}

/**
 * The text of a state without some of its entries, the number of the first of these, how many there are, and the bytes of the
 * whole text.
 */
export type Short = [string, number, number, number]

/** A stored text and its age. Times are in ms since 1970. */
export interface Aged {
  text: string
  /** The last save or touch; `null` if that is not known. */
  updatedAt: number | null
  /** `null` for never. */
  expiresAt: number | null
}

/** One page of a look through the conversations. */
export interface Page {
  /** Where the next page begins; `null` at the end. */
  cursor: string | null
  /** The conversations, if they are to be listed. Without details they have an id alone. */
  found: { id: string; size?: number; updatedAt?: number | null; expiresAt?: number | null }[]
  /** How many were listed, counted or removed. */
  matched: number
  /** How many were looked at and are too young. */
  kept: number
  /** How many were looked at and have no known age. */
  unknown: number
}

/**
 * The text of a load, whole, short or with its age; a yes or no; the lock; a page, also as JSON. For a conditional write, how many wait for the lock,
 * or a word for why nothing was changed. Otherwise `undefined`.
 */
export type Result = string | Short | Aged | boolean | number | Entered | Page | undefined

/** The failure that a handle rejects with, or throws: a `StorageError` is made of it. */
export interface Failure {
  code: string
  /** The rest of a sentence that begins `Cannot save conversation "x": …`. */
  reason: string
  cause?: unknown
  causeCode?: string
  causeMessage?: string
}

/** Does operations, in call order for each conversation. */
export interface Handle {
  /** Starts an operation within the call. Returns its result, or a promise of it that rejects with a `Failure`. */
  run(operation: Operation): Result | Promise<Result>
  /** Waits for what is pending and releases what the handle opened. Nothing is run afterwards. */
  close(): unknown
  /** Returns where `id` is kept, as an error message names it. */
  location(id: string): string
  /** How the next operation will travel. */
  readonly mode: 'native' | 'inline'
  /** Why, in words. */
  readonly modeReason: string
  /** Where its operations go, for those who trace them. Holds no password. */
  readonly origin?: Pick<OperationContext, 'database' | 'serverAddress' | 'serverPort' | 'collection'> | undefined
  /** Returns how much is kept in memory. Absent if it is kept elsewhere. */
  memory?(): NonNullable<StorageStats['memory']>
  /** True if `run` never returns a promise. */
  readonly isImmediate?: boolean
  /** True if there are locks and conditional writes. */
  readonly canLock?: boolean
  /** Why there are none; the rest of a sentence. */
  readonly whyNoLocks?: string
  /** True if it can look through the conversations. */
  readonly canList?: boolean
  /** Why it cannot; the rest of a sentence. */
  readonly whyNoList?: string
  /**
   * Renews a lock while the event loop is blocked, for `hold` ms at most. Called when the lock is had and after each renewal.
   * `ttl` is in seconds, as in an operation. Absent if only the timers of JavaScript renew.
   */
  keepLock?(id: string, owner: string, lease: number, hold: number, ttl: number): void
}

/** Does operations with the user's own client or database. */
export interface UserHandle extends Handle {
  /** Returns whether everything it was given is done. */
  isAtRest(): boolean
  /** Called each time everything is done. */
  onRest?: (() => void) | undefined
}

/** Our own connection beside the user's client or database, as `lib/native-first.js` uses it. */
export interface Sidecar {
  /** Returns the way to the connection for the next operation; `undefined` if that has to go to the user's object. */
  handle(): Pick<Handle, 'run' | 'keepLock'> | undefined
  /** Returns why the next operation will go to the user's object; `undefined` if it will not. Changes nothing. */
  whyInline(): string | undefined
  /** Why operations go natively, in words. */
  readonly nativeReason: string
  /**
   * Blocks until everything in flight is done or handed back. Returns the texts of the operations that were handed back: the
   * last ones that were run. Absent if the connection cannot be waited for.
   */
  drain?(): (string | undefined)[]
  /** True once operations are handed back. Absent as `drain` is. */
  readonly isHandingBack?: boolean
  /** Called when an operation is in flight. Absent if the connection need not know. */
  started?(operation: Operation): void
  /** Called when it is in flight no more. Absent as `started` is. */
  ended?(operation: Operation): void
  /** Called before anything that was handed back is repeated on the user's object. */
  retire(): void
  /** Called when the storage is closed: nothing is in flight. */
  release(): unknown
}
