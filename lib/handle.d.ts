// The one interface between an adapter and whatever does its operations.

import type { Kind } from '../binding.js'

/** An operation as data. What each kind is like stands in `crates/store/src/request.rs`. */
export interface Operation {
  kind: Lowercase<keyof typeof Kind>
  /** The conversation's id, checked. */
  id: string
  /** The JSON of a state, for kinds that store one. */
  text?: string | undefined
  /** Seconds until what is stored expires; 0 for never. */
  ttl?: number | undefined
}

/** The text of a load; a yes or no; otherwise `undefined`. */
export type Result = string | boolean | undefined

/** What a handle rejects with, or throws: what a `StorageError` is made of. */
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
  /** True if `run` never returns a promise. */
  readonly isImmediate?: boolean
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
  handle(): Pick<Handle, 'run'> | undefined
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
