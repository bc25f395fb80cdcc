import type { StorageAdapter } from '../index.js'

/** How {@link runStorageContract} treats an adapter. Every option may be left out. */
export interface StorageContractOptions<Adapter extends StorageAdapter = StorageAdapter> {
  /**
   * The name of the group of tests.
   *
   * @default "storage contract"
   */
  name?: string
  /**
   * Stores `text` as the state of conversation `id`, past the adapter: writes the file, the row or the key itself. With
   * it, the suite also checks that data which is no state of this conversation is refused and not taken for absent (P10).
   */
  plant?: (storage: Adapter, id: string, text: string) => unknown
  /**
   * Whether rejections are the `StorageError`s of `@andresaya/flowkit-storage`, with their codes. Otherwise any `Error`
   * will do.
   *
   * @default false
   */
  codes?: boolean
  /**
   * Whether the members of a state keep their order. `false` for a store that sorts them, such as JSONB.
   *
   * @default true
   */
  keyOrder?: boolean
  /**
   * Whether adapters have `close()`, which waits for pending work and after which every operation rejects. With `false`
   * that is not checked; a `close()` that is there is still called after each test.
   *
   * @default true
   */
  close?: boolean
  /**
   * How often the order of un-awaited operations is checked (P2).
   *
   * @default 10000
   */
  rounds?: number
  /**
   * How many random inputs each property is checked with.
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
   * Milliseconds that one test may take.
   *
   * @default 120000
   */
  timeout?: number
  /**
   * The test runner's `describe`, where it is no global. Goes with `it`.
   *
   * @default the global one, else that of `node:test`
   */
  describe?: (name: string, body: () => void) => unknown
  /**
   * The test runner's `it`, where it is no global. Goes with `describe`.
   *
   * @default the global one, else that of `node:test`
   */
  it?: (name: string, body: () => Promise<void>, timeout: number) => unknown
}

/**
 * Declares tests for what every storage adapter promises: snapshots, order, fresh copies, fidelity, absence, hostile
 * conversation ids, corrupt data. Works under vitest, jest and `node --test`; needs the package `fast-check`.
 *
 * @param createAdapter called at least once for each test; answers an adapter on a new, empty place
 */
export function runStorageContract<Adapter extends StorageAdapter>(
  createAdapter: () => Adapter | Promise<Adapter>,
  options?: StorageContractOptions<Adapter>,
): void
