import { createRequire } from 'node:module'

import type * as Binding from '../../binding.js'
import type { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '../../index.js'
import type { Handle } from '../../lib/handle.js'
import type { Anything } from './hostile-values.js'

export type Storage = MemoryStorage | FileStorage | RedisStorage | SQLiteStorage

const require = createRequire(import.meta.url)
const { MemoryHandle, SnapshotTable, SqliteSidecar, StorageHandle }: typeof Binding = require('../../lib/binding.js')

const PLACES: [object, string][] = [
  [MemoryHandle.prototype, 'saveShort'],
  [StorageHandle.prototype, 'saveShort'],
  [SqliteSidecar.prototype, 'saveShort'],
  [MemoryHandle.prototype, 'loadShort'],
  [StorageHandle.prototype, 'loadShort'],
  [SnapshotTable.prototype, 'cut'],
  [SnapshotTable.prototype, 'whole'],
]

/** Counts, while `act` runs, the saves and loads that cross in their short form, and the texts that were made whole again. */
export async function countShort(act: () => Promise<unknown>) {
  const counts = { saves: 0, loads: 0, wholes: 0 }
  const originals = PLACES.map(([prototype, name]) => {
    const original = (prototype as Anything)[name]
    ;(prototype as Anything)[name] = function (this: unknown, ...args: unknown[]) {
      if (name === 'saveShort') counts.saves++
      else if (name === 'whole') counts.wholes++
      else counts.loads++
      return original.apply(this, args)
    }
    return original
  })
  try {
    await act()
  } finally {
    for (const [index, [prototype, name]] of PLACES.entries()) {
      ;(prototype as Anything)[name] = originals[index]
    }
  }
  return counts
}

/** Has a conversation of so many turns: each loads, appends two entries and saves. */
export async function converse(
  storage: { load(id: string): Promise<unknown>; save(state: never): Promise<void> },
  turns: number,
) {
  for (let turn = 0; turn < turns; turn++) {
    // biome-ignore lint/suspicious/noExplicitAny: a state
    const state: any = (await storage.load('a')) ?? { conversationId: 'a', slots: {}, history: [], ended: false }
    for (const role of ['user', 'assistant']) state.history.push({ role, content: `${turn} ${role}`.repeat(60) })
    await storage.save(state as never)
  }
}

/** Returns the text that the native half of a storage finds. */
export async function rawOf(storage: Storage, id: string) {
  const [internal] = Object.getOwnPropertySymbols(storage) as [keyof Storage]
  const { handle, ttl } = storage[internal] as unknown as { handle: Handle; ttl: number }
  return handle.run({ kind: 'load', id, ttl }) as Promise<string | undefined>
}
