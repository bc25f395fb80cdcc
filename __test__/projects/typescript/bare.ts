// Type-checked without the types of Node.js, and with no lib that is newer than they have to be. Never run.
import {
  type ConversationState,
  FileStorage,
  MemoryStorage,
  RedisStorage,
  SQLiteStorage,
  type StorageAdapter,
} from '@andresaya/flowkit-storage'
import { runStorageContract } from '@andresaya/flowkit-storage/testing'

export const adapters: StorageAdapter[] = [
  new MemoryStorage(),
  new FileStorage({ dir: './data' }),
  new RedisStorage(),
  new SQLiteStorage({ path: './data/conversations.db' }),
]

export class Mine extends FileStorage {
  override async load(id: string): Promise<ConversationState | null> {
    return super.load(id)
  }
}

// @ts-expect-error the types of the package declare nothing for everyone
export const leaked = Symbol.asyncDispose

runStorageContract(() => new MemoryStorage())
