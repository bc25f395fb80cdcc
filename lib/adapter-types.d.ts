// The members that all adapters have in common.

import type {
  ClearOptions,
  ConversationList,
  CountOptions,
  ListOptions,
  PurgeOptions,
  PurgeResult,
  StoredConversation,
} from './list-types.js'
import type { ConversationEntry, ConversationLock, LockOptions, UpdateOptions, WriteOptions } from './lock-types.js'
import type { ConversationState, StorageAdapter } from './state-types.js'
import type { StorageStats } from './stats-types.js'

/** The members that the adapters of this package have in common. `State` is the type of what they keep. */
export declare abstract class Adapter<State extends ConversationState = ConversationState> implements StorageAdapter {
  /**
   * Returns a fresh copy of what was last saved; `null` if nothing is stored.
   *
   * @throws {StorageError} rejects with `ERR_STORAGE_INVALID_ID`, `ERR_STORAGE_CORRUPT` if something else is stored
   * in the place of this conversation, or one of the codes of {@link StorageErrorCode} that say why the place cannot be
   * reached.
   */
  load(conversationId: string): Promise<State | null>
  /**
   * Stores the state as it is at the moment of the call: what happens to the object afterwards changes nothing.
   * Operations on one conversation take effect in the order of their calls, awaited or not. Once the promise resolves,
   * the state survives a crash of this process; see each adapter for power loss.
   *
   * @throws {StorageError} rejects with `ERR_STORAGE_INVALID_STATE` if JSON cannot hold the state,
   * `ERR_STORAGE_INVALID_ID`, `ERR_STORAGE_CONFLICT` if the option `ifMatch` or a lock refuses it, or a code that says why
   * the place cannot be reached.
   */
  save(state: State, options?: WriteOptions): Promise<void>
  /**
   * Returns the same as {@link load}, with what names this content for a conditional save.
   *
   * @example
   * const { state, etag } = await storage.loadEntry(conversationId)
   * await storage.save({ ...state, ended: true }, { ifMatch: etag })
   *
   * @throws {StorageError} rejects as {@link load} does.
   */
  loadEntry(conversationId: string): Promise<ConversationEntry<State>>
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
   * @throws {StorageError} rejects with `ERR_STORAGE_INVALID_ID`, `ERR_STORAGE_CONFLICT` as {@link save} does, or a code that
   * says why the place cannot be reached.
   */
  delete(conversationId: string, options?: WriteOptions): Promise<void>
  /**
   * Calls `fn` while no other call of `withLock` or `update` has this conversation, in this process or in another one on the
   * same place. Calls come in order of arrival.
   *
   * Inside, `load`, `save` and `delete` of this conversation through this storage belong to the lock, also when an engine
   * calls them. A save takes effect only if nobody else has the lock, and the conversation is stored as it was last seen
   * here. Otherwise it rejects with `ERR_STORAGE_CONFLICT` and changes nothing. Saves that were not awaited inside are waited
   * for. A call inside a call of the same conversation takes part in its lock.
   *
   * @example
   * const reply = await storage.withLock(conversationId, () => engine.handle(conversationId, text))
   *
   * @returns what `fn` returns; rejects with what it throws
   * @throws {StorageError} rejects with `ERR_STORAGE_TIMEOUT` if the wait (then `fn` was not called) or `hold` is over, or a
   * code that says why the place cannot be reached. Rejects with the reason of `signal` if that ends the wait.
   */
  withLock<Result>(
    conversationId: string,
    fn: (lock: ConversationLock) => Result | PromiseLike<Result>,
    options?: LockOptions,
  ): Promise<Result>
  /**
   * Loads, changes and saves without losing anybody's update. `fn` gets the state, or `null`, and may be called again, so it
   * should only compute. It returns the new state, or nothing to keep the one it was given as it left it. `null` deletes the
   * conversation.
   *
   * @example
   * await storage.update(conversationId, (state) => {
   *   if (state) state.slots.verified = true
   * })
   *
   * @returns the state that is stored then
   * @throws {StorageError} rejects as {@link withLock} does, with `ERR_STORAGE_CONFLICT` if others changed the conversation
   * each time, or with what `fn` throws.
   */
  update(
    conversationId: string,
    fn: (
      state: State | null,
      // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing
    ) => State | null | undefined | void | PromiseLike<State | null | undefined | void>,
    options?: UpdateOptions,
  ): Promise<State | null>
  /**
   * Renews the expiry without writing the state again. In order with the other operations on this conversation.
   *
   * @example
   * await storage.touch(conversationId)
   *
   * @returns whether the conversation was there; it is never created or revived
   * @throws {StorageError} rejects with `ERR_STORAGE_INVALID_ID` or a code that says why the place cannot be reached.
   */
  touch(conversationId: string): Promise<boolean>
  /**
   * Lists the conversations, in no particular order, a page at a time as they are asked for. Each one that is there from the
   * first page to the last is listed at least once; in Redis perhaps twice. One that comes or goes meanwhile may be listed or
   * not. What was saved and awaited before is.
   *
   * @example
   * for await (const { id, updatedAt } of storage.list({ prefix: 'whatsapp:' })) console.log(id, updatedAt)
   *
   * @throws {StorageError} rejects with `ERR_STORAGE_INVALID_OPTIONS`, `ERR_STORAGE_UNSUPPORTED` if the user's client cannot
   * list, or a code that says why the place cannot be reached. Rejects with the reason of `signal`.
   */
  list(options: ListOptions & { details: false }): ConversationList<Pick<StoredConversation, 'id'>>
  list(options?: ListOptions): ConversationList<StoredConversation>
  /**
   * Counts the conversations that are there.
   *
   * @throws {StorageError} rejects as {@link list} does.
   */
  count(options?: CountOptions): Promise<number>
  /**
   * Deletes what was neither saved nor touched for so long. What is saved, touched or locked meanwhile stays, whoever does
   * it. What has no known age stays.
   *
   * @example
   * const { removed } = await storage.purge({ olderThan: 90 * 24 * 3600 })
   *
   * @throws {StorageError} rejects as {@link list} does. What was removed until then is removed.
   */
  purge(options: PurgeOptions): Promise<PurgeResult>
  /**
   * Deletes conversations one by one: all of them, or those whose ids begin with a prefix.
   *
   * @example
   * const count = await storage.clear({ prefix: `user-${userId}-` })
   *
   * @returns how many were deleted
   * @throws {StorageError} rejects as {@link list} does. What was deleted until then is deleted.
   */
  clear(options: ClearOptions): Promise<number>
  /**
   * Waits for pending operations and releases what the adapter itself opened. May be called again. Afterwards every
   * operation rejects with `ERR_STORAGE_CLOSED`. Calling it is optional: an adapter does not keep the process alive.
   */
  close(): Promise<void>
  /** The same as {@link Adapter.close}, for `await using`. */
  // TypeScript knows the symbol only with the lib esnext.disposable or with @types/node. Declared here, it would be declared
  // for all of the user's code.
  // @ts-ignore
  [Symbol.asyncDispose](): Promise<void>
  /**
   * Returns what was counted since the storage was made. Looks at memory alone.
   *
   * @example
   * const { operations, waiting } = storage.stats()
   * console.log(operations.save.p99, waiting)
   */
  stats(): StorageStats
  /**
   * How the next operation will travel, as far as that can be told without one: off the event loop (`native`), or on the
   * user's own client or database (`inline`). It may change from one operation to the next.
   */
  readonly mode: 'native' | 'inline'
  /** Why, in words. */
  readonly modeReason: string
  /**
   * Tells what this storage can do. With a client that runs no scripts there is no `lock`; with one that has no `scan`, no `list`,
   * `count`, `clear` and `purge`.
   */
  readonly capabilities: { readonly lock: boolean; readonly list: boolean }
}

// Only what says `export` is exported.
export {}
