// A project in TypeScript and ECMAScript modules. Its argument says what SQLite is opened with: `db` or `path`.
import assert from 'node:assert/strict'
import {
  type ConversationState,
  FileStorage,
  MemoryStorage,
  SQLiteStorage,
  type StorageAdapter,
} from '@andresaya/flowkit-storage'

// Shows that the types of the package were found: without them everything is allowed.
// @ts-expect-error the option is called `dir`
const refused = (): StorageAdapter => new FileStorage({ directory: './data' })
assert.throws(refused, { code: 'ERR_STORAGE_INVALID_OPTIONS' })

async function openSqlite(): Promise<StorageAdapter> {
  if (process.argv[2] !== 'db') return new SQLiteStorage({ path: './data/conversations.db' })
  const { default: Database } = await import('better-sqlite3')
  const db = new Database('./conversations.db')
  return new SQLiteStorage({ db, table: 'conversations' })
}

const adapters: StorageAdapter[] = [
  new MemoryStorage(),
  new FileStorage({ dir: './data', pretty: true }),
  await openSqlite(),
]
const state: ConversationState = {
  conversationId: 'user-1',
  currentStep: 'size',
  slots: { name: 'Ana' },
  history: [{ role: 'user', content: 'Ana' }],
  ended: false,
  createdAt: 1,
  updatedAt: 2,
}
for (const adapter of adapters) {
  await adapter.save(state)
  const loaded: ConversationState | null = await adapter.load('user-1')
  assert.deepEqual(loaded, state)
}
console.log(
  JSON.stringify({
    kept: adapters.map((adapter) => adapter.constructor.name),
    node: process.version,
    from: import.meta.resolve('@andresaya/flowkit-storage'),
    settled: Date.now(),
  }),
)
