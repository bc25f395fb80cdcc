import type {
  ConversationState,
  FileStorageOptions,
  RedisClient,
  SQLiteDatabase,
  StorageAdapter,
} from '@andresaya/flowkit-storage'

declare class Reference implements StorageAdapter {
  load(conversationId: string): Promise<ConversationState | null>
  save(state: ConversationState): Promise<void>
  delete(conversationId: string): Promise<void>
}

export declare class MapStorage extends Reference {}

export declare class FilesStorage extends Reference {
  constructor(options: Omit<FileStorageOptions, 'durable'> & { fsync?: boolean })
}

export declare class IoredisStorage extends Reference {
  constructor(options: { client: RedisClient; prefix?: string; ttl?: number })
}

export declare class BetterSqliteStorage extends Reference {
  constructor(options: { db: SQLiteDatabase; table?: string })
}
