import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  FileStorage,
  MemoryStorage,
  SQLiteStorage,
  type StorageAdapter,
  StorageError,
} from '@andresaya/flowkit-storage'
import Database from 'better-sqlite3'
import { expect, test, vi } from 'vitest'

const dir = path.join(import.meta.dirname, 'data', path.basename(import.meta.filename))
const state = {
  conversationId: 'user-1',
  currentStep: 'size',
  slots: {},
  history: [],
  ended: false,
  createdAt: 1,
  updatedAt: 2,
}

test('conversations are kept', async () => {
  mkdirSync(dir, { recursive: true })
  const adapters: StorageAdapter[] = [
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
  const from = createRequire(import.meta.url).resolve('@andresaya/flowkit-storage')
  console.log(
    JSON.stringify({
      kept: adapters.map((adapter) => adapter.constructor.name),
      node: process.version,
      from: pathToFileURL(from).href,
      settled: Date.now(),
    }),
  )
})

test('an adapter can be mocked', async () => {
  const load = vi.spyOn(MemoryStorage.prototype, 'load').mockResolvedValue(null)
  expect(await new MemoryStorage().load('user-1')).toBeNull()
  expect(load).toHaveBeenCalledWith('user-1')
  load.mockRestore()
})
