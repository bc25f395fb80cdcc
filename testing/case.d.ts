import fastCheck = require('fast-check')

import type { ConversationState } from '../index.js'

/** An adapter under test. Its methods take anything, since the suite also passes what they must refuse. */
export interface TestedStorage {
  load(conversationId?: unknown): Promise<ConversationState | null>
  save(state?: unknown): Promise<void>
  delete(conversationId?: unknown): Promise<void>
  close?(): Promise<void>
  [Symbol.asyncDispose]?(): Promise<void>
}

/** An adapter under test that can lock. */
export interface LockingStorage extends TestedStorage {
  save(state?: unknown, options?: { ifMatch: string | null }): Promise<void>
  delete(conversationId?: unknown, options?: { ifMatch: string | null }): Promise<void>
  loadEntry(conversationId: string): Promise<{ state: ConversationState | null; etag: string | null }>
  withLock<T>(
    conversationId: string,
    fn: (lock: { signal: AbortSignal }) => T | PromiseLike<T>,
    options?: object,
  ): Promise<T>
  // biome-ignore lint/suspicious/noExplicitAny: the cases read what they wrote themselves
  update(conversationId: string, fn: (state: any) => unknown, options?: object): Promise<ConversationState | null>
}

/** An adapter under test that can look through its conversations. */
export interface ListingStorage extends TestedStorage {
  list(options?: object): AsyncIterableIterator<{
    id: string
    size: number
    updatedAt: number | null
    expiresAt: number | null
  }> & { readonly cursor: string | null }
  count(options?: object): Promise<number>
  purge(options: object): Promise<{ removed: number; kept: number; unknown: number }>
  clear(options: object): Promise<number>
}

/** The options of the suite that its cases read, with their defaults filled in. */
export interface Settings {
  plant?: ((storage: TestedStorage, id: string, text: string) => unknown) | undefined
  codes: boolean
  keyOrder: boolean
  close: boolean
  lock: boolean
  list: boolean
  ages: boolean
  retention: boolean
  rounds: number
  runs: number
  largestState: number
}

/** Creates an adapter on a new, empty place. */
export type CreateAdapter = (options?: {
  ttl?: number
  refreshOnLoad?: boolean
}) => TestedStorage | Promise<TestedStorage>

/** The arguments of one case. */
export interface Context extends Omit<Settings, 'plant'> {
  storage: TestedStorage
  create: (options?: { ttl?: number; refreshOnLoad?: boolean }) => Promise<TestedStorage>
  /** Stores `text` as the state of conversation `id`, past the adapter. Does nothing if the option is not set. */
  plant: (id: string, text: string) => Promise<unknown>
  fc: typeof fastCheck
}

/** One promise of the contract, as a test that knows no test runner. */
export interface Case {
  name: string
  /** The options without which the case is left out. */
  needs?: ('plant' | 'codes' | 'close' | 'lock' | 'list' | 'ages' | 'retention')[]
  run(context: Context): Promise<void>
}

/** The test runner's functions. */
export interface Runner {
  describe: (name: string, body: () => void) => unknown
  it: (name: string, body: () => Promise<void>, timeout: number) => unknown
}

/** The error that an adapter rejects with. The members beyond `Error` are there if it is a `StorageError`. */
export interface Rejection extends Error {
  code?: string
  conversationId?: string
  operation?: string
  retryable?: boolean
  cause?: unknown
}
