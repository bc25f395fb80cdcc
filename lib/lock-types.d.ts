import type { ConversationState } from './state-types.js'

/** The options of `save` and `delete`. */
export interface WriteOptions {
  /**
   * Take effect only if the conversation is stored exactly as `loadEntry` found it (its `etag`), or only if
   * nothing is stored (`null`). Otherwise the promise rejects with `ERR_STORAGE_CONFLICT`. Left out: the last write wins.
   */
  ifMatch?: string | null
}

/** A stored state, and what names exactly this content. */
export interface ConversationEntry<State extends ConversationState = ConversationState> {
  /** `null` if nothing is stored. */
  state: State | null
  /**
   * The value for {@link WriteOptions.ifMatch}; `null` if nothing is stored. It changes whenever the stored text does, and is
   * valid in other processes. Its content is not to be relied on.
   */
  etag: string | null
}

/** The options of `withLock`: how long to wait for a conversation, and how long to keep it. */
export interface LockOptions {
  /**
   * Milliseconds to wait for those who have the conversation, or were first. With `0` the lock must be free at once.
   *
   * @default 60000
   */
  wait?: number | undefined
  /**
   * Milliseconds after the last sign of life of a holder until others may take over. It is renewed in the background while
   * the process of the holder lives.
   *
   * @default 15000
   */
  lease?: number | undefined
  /**
   * Milliseconds that the function may take at most. After that the lock is given up, and what it still saves is refused.
   *
   * @default 600000
   */
  hold?: number | undefined
  /**
   * The number of calls that may wait for one conversation in this storage.
   *
   * @default 100
   */
  queue?: number | undefined
  /** Ends the wait; the call rejects with its reason. What already runs goes on. */
  signal?: AbortSignalLike | undefined
}

/** The options of `update`. */
export interface UpdateOptions extends LockOptions {
  /**
   * The number of further calls of the function if somebody changed the conversation without the lock.
   *
   * @default 5
   */
  retries?: number | undefined
}

/** The argument of the function given to `withLock`. */
export interface ConversationLock {
  /** The conversation that is locked. */
  readonly conversationId: string
  /** Aborts if the lock is lost to another process, or `hold` is over: what is still saved may be refused. */
  readonly signal: LockSignal
}

/** An `AbortSignal`, as the wait for a lock uses it. */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** An `AbortSignal`; without its type (neither the DOM nor Node.js is known to the compiler), as much of it as is needed. */
export type LockSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal
  : AbortSignalLike

/** The options of `sequentialize`. */
export interface SequentializeOptions extends LockOptions {
  /**
   * The names of the methods that change a conversation. Each takes the conversation's id first.
   *
   * @default ["start", "handle", "setSlot", "delete"]
   */
  methods?: readonly string[] | undefined
}
