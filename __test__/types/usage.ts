// Compiled with `--strict`, never run: the types that a user of FlowKit meets.
import {
  type ConversationState,
  FileStorage,
  type FileStorageOptions,
  type JsonValue,
  MemoryStorage,
  type MemoryStorageOptions,
  type RedisClient,
  RedisStorage,
  type RedisStorageOptions,
  type Slots,
  type SQLiteDatabase,
  SQLiteStorage,
  type SQLiteStorageOptions,
  type StorageAdapter,
  StorageError,
  type StorageErrorCode,
} from '@andresaya/flowkit-storage'

const adapters: StorageAdapter[] = [
  new MemoryStorage(),
  new FileStorage({ dir: './data/conversations', pretty: true }),
  new RedisStorage(),
  new RedisStorage({ ttl: 3600 }),
  new RedisStorage({ host: process.env.REDIS_HOST, ttl: 3600 }),
  new SQLiteStorage({ path: './data/conversations.db', table: 'conversations' }),
]

class Audited extends FileStorage {
  override async load(conversationId: string): Promise<ConversationState | null> {
    return super.load(conversationId)
  }
}

class Custom implements StorageAdapter {
  load(_conversationId: string): Promise<ConversationState | null> {
    return Promise.resolve(null)
  }
  save(_state: ConversationState): Promise<void> {
    return Promise.resolve()
  }
  delete(_conversationId: string): Promise<void> {
    return Promise.resolve()
  }
}

export async function use(): Promise<JsonValue | undefined> {
  await using storage = new Audited({ dir: 'x' })
  const state: ConversationState | null = await storage.load('user-1')
  const slots: Slots | undefined = state?.slots
  try {
    if (state !== null) await storage.save(state)
    await storage.delete('user-1')
    await storage.close()
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    const code: StorageErrorCode = error.code
    const retry: boolean = error.retryable
    const below: string | undefined = error.cause?.code
    console.log(code, retry, below, error.conversationId, error.adapter, error.operation)
  }
  return slots?.user_name
}

export const options: [MemoryStorageOptions, FileStorageOptions, RedisStorageOptions, SQLiteStorageOptions] = [
  {},
  { dir: 'x', extension: '.json', pretty: false, durable: true },
  { url: 'redis://localhost', username: 'u', password: 'p', db: 0, prefix: 'flowkit:', ttl: 0 },
  { path: 'x' },
]
export const injected: (RedisClient | SQLiteDatabase)[] = []
export const all: StorageAdapter[] = [...adapters, new Custom()]

// @ts-expect-error an option that does not exist
new FileStorage({ dir: 'x', prety: true })
// @ts-expect-error `dir` is needed
new FileStorage({})
// @ts-expect-error a ttl is a number of seconds
new RedisStorage({ ttl: '1h' })
// @ts-expect-error the code is one of a few
const wrong: StorageErrorCode = 'ERR_OTHER'

export { wrong }
