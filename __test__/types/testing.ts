// Compiled with `--strict`, never run: the suite takes each runner's functions as they are.
import * as nodeTest from 'node:test'
import { FileStorage, MemoryStorage } from '@andresaya/flowkit-storage'
import { runStorageContract } from '@andresaya/flowkit-storage/testing'
import * as jest from '@jest/globals'
import * as vitest from 'vitest'

export function use(): void {
  runStorageContract(() => new MemoryStorage())
  runStorageContract(() => new MemoryStorage(), { describe: vitest.describe, it: vitest.it })
  runStorageContract(() => new MemoryStorage(), { describe: jest.describe, it: jest.it })
  runStorageContract(() => new MemoryStorage(), { describe: nodeTest.describe, it: nodeTest.it })
  runStorageContract(async () => new FileStorage({ dir: 'x' }), {
    name: 'files',
    plant: (storage, id, text) => [storage instanceof FileStorage, id.length, text.length],
    codes: true,
    keyOrder: false,
    close: false,
    rounds: 1,
    runs: 1,
    largestState: 1,
    timeout: 1,
  })
  // @ts-expect-error no adapter
  runStorageContract(() => new Map<string, string>())
  // @ts-expect-error an option that does not exist
  runStorageContract(() => new MemoryStorage(), { kode: true })
}
