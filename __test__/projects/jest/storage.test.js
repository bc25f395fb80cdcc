const { mkdirSync, writeSync } = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const Database = require('better-sqlite3')
const { FileStorage, MemoryStorage, SQLiteStorage, StorageError } = require('@andresaya/flowkit-storage')

const dir = path.join(__dirname, 'data', path.basename(__filename))
const state = { conversationId: 'user-1', slots: { name: 'Ana' } }

test('conversations are kept', async () => {
  mkdirSync(dir, { recursive: true })
  const adapters = [
    new MemoryStorage(),
    new FileStorage({ dir }),
    new SQLiteStorage({ path: path.join(dir, 'own.db') }),
    new SQLiteStorage({ db: new Database(path.join(dir, 'given.db')) }),
  ]
  for (const adapter of adapters) {
    await adapter.save(state)
    expect(await adapter.load('user-1')).toEqual(state)
    await expect(adapter.load('')).rejects.toThrow(StorageError)
  }
  const line = {
    kept: adapters.map((adapter) => adapter.constructor.name),
    node: process.version,
    from: pathToFileURL(require.resolve('@andresaya/flowkit-storage')).href,
    settled: Date.now(),
  }
  // Not `console.log`, which Jest decorates.
  writeSync(1, `${JSON.stringify(line)}\n`)
})

test('an adapter can be mocked', async () => {
  const load = jest.spyOn(MemoryStorage.prototype, 'load').mockResolvedValue(null)
  expect(await new MemoryStorage().load('user-1')).toBeNull()
  expect(load).toHaveBeenCalledWith('user-1')
  load.mockRestore()
})

test('modules can be reset', async () => {
  for (let copy = 0; copy < 12; copy++) {
    jest.resetModules()
    const storage = new (require('@andresaya/flowkit-storage').FileStorage)({ dir })
    await storage.save(state)
    expect(await storage.load('user-1')).toEqual(state)
  }
  // Such as MaxListenersExceededWarning.
  await new Promise(setImmediate)
})
