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

/** The options of the suite that its cases read, with their defaults filled in. */
export interface Settings {
  plant?: ((storage: TestedStorage, id: string, text: string) => unknown) | undefined
  codes: boolean
  keyOrder: boolean
  close: boolean
  rounds: number
  runs: number
  largestState: number
}

/** Creates an adapter on a new, empty place. */
export type CreateAdapter = () => TestedStorage | Promise<TestedStorage>

/** The arguments of one case. */
export interface Context extends Omit<Settings, 'plant'> {
  storage: TestedStorage
  create: () => Promise<TestedStorage>
  /** Stores `text` as the state of conversation `id`, past the adapter. Does nothing if the option is not set. */
  plant: (id: string, text: string) => Promise<unknown>
  fc: typeof fastCheck
}

/** One promise of the contract, as a test that knows no test runner. */
export interface Case {
  name: string
  /** The options without which the case is left out. */
  needs?: ('plant' | 'codes' | 'close')[]
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
  retryable?: boolean
  cause?: unknown
}
