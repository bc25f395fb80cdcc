import type { StorageAdapter } from '../index.js'

/** The options of {@link runStorageContract}. Every option may be left out. */
export interface StorageContractOptions<Adapter extends StorageAdapter = StorageAdapter> {
  /**
   * The name of the group of tests.
   *
   * @default "storage contract"
   */
  name?: string
  /**
   * Stores `text` as the state of conversation `id`, past the adapter: writes the file, the row or the key itself. If it
   * is given, the suite also checks corrupt data (P10): what is no state of this conversation is refused, not absent.
   */
  plant?: (storage: Adapter, id: string, text: string) => unknown
  /**
   * Requires that rejections are `StorageError`s of `@andresaya/flowkit-storage`, with their codes. With `false` any
   * `Error` passes.
   *
   * @default false
   */
  codes?: boolean
  /**
   * Requires that the members of a state keep their order. Use `false` for a store that sorts them, such as JSONB.
   *
   * @default true
   */
  keyOrder?: boolean
  /**
   * Requires a `close()` that waits for pending work and makes later operations reject. With `false` the suite does not
   * check it. An adapter that has `close()` is still closed after each test.
   *
   * @default true
   */
  close?: boolean
  /**
   * Requires `withLock`, `update`, `loadEntry` and the option `ifMatch`, as the adapters of this package have them.
   *
   * @default false
   */
  lock?: boolean
  /**
   * Requires `list`, `count`, `purge` and `clear`, as the adapters of this package have them.
   *
   * @default false
   */
  list?: boolean
  /**
   * The adapter knows when a conversation was last saved, also without an expiry. Goes with `list`.
   *
   * @default true
   */
  ages?: boolean
  /**
   * Requires `touch`, and the options `ttl` and `refreshOnLoad`, which `createAdapter` is then given by some tests.
   *
   * @default false
   */
  retention?: boolean
  /**
   * The number of checks of the order of un-awaited operations (P2).
   *
   * @default 10000
   */
  rounds?: number
  /**
   * The number of random inputs for each property.
   *
   * @default 100
   */
  runs?: number
  /**
   * The size of the largest state, in bytes.
   *
   * @default 67108864
   */
  largestState?: number
  /**
   * The time in milliseconds that one test may take.
   *
   * @default 120000
   */
  timeout?: number
  /**
   * The test runner's `describe`, for when it is no global. Goes with `it`.
   *
   * @default the global one, else that of `node:test`
   */
  describe?: (name: string, body: () => void) => unknown
  /**
   * The test runner's `it`, for when it is no global. Goes with `describe`.
   *
   * @default the global one, else that of `node:test`
   */
  it?: (name: string, body: () => Promise<void>, timeout: number) => unknown
}

/**
 * Declares tests for the promises of every storage adapter: snapshots, order, fresh copies, fidelity, absence, hostile
 * conversation ids, corrupt data. Works under vitest, jest and `node --test`; needs the package `fast-check`.
 *
 * @param createAdapter called at least once for each test; returns an adapter on a new, empty place. Is given options only for the
 * tests of `retention`.
 */
export function runStorageContract<Adapter extends StorageAdapter>(
  createAdapter: (options?: { ttl?: number; refreshOnLoad?: boolean }) => Adapter | Promise<Adapter>,
  options?: StorageContractOptions<Adapter>,
): void
