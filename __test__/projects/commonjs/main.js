// A project in CommonJS. Its argument says what SQLite is opened with: `db` or `path`.
const assert = require('node:assert/strict')
const { pathToFileURL } = require('node:url')
const { FileStorage, MemoryStorage, SQLiteStorage } = require('@andresaya/flowkit-storage')

function openSqlite() {
  if (process.argv[2] !== 'db') return new SQLiteStorage({ path: './data/conversations.db' })
  const Database = require('better-sqlite3')
  return new SQLiteStorage({ db: new Database('./conversations.db') })
}

async function main() {
  const adapters = [new MemoryStorage(), new FileStorage({ dir: './data' }), openSqlite()]
  const state = { conversationId: 'user-1', slots: { name: 'Ana' } }
  for (const adapter of adapters) {
    await adapter.save(state)
    assert.deepEqual(await adapter.load('user-1'), state)
  }
  console.log(
    JSON.stringify({
      kept: adapters.map((adapter) => adapter.constructor.name),
      node: process.version,
      from: pathToFileURL(require.resolve('@andresaya/flowkit-storage')).href,
      settled: Date.now(),
    }),
  )
}

main()
