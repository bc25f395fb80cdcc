// Storages beside the user's own client or database, on another platform: prints, as JSON, which way each of them takes.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { DatabaseSync } from 'node:sqlite'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import * as imported from '@andresaya/flowkit-storage'

import { closeAll, inData, newName, redisPort, STORAGES } from './storages.mjs'

/** Uses a storage as a busy bot would. Returns the way that it took. */
async function use(storage) {
  const saves = Array.from({ length: 500 }, (_, version) =>
    storage.save({ conversationId: `c${version % 50}`, version }),
  )
  await Promise.all(saves)
  for (let id = 0; id < 50; id++) assert.equal((await storage.load(`c${id}`)).version, 450 + id)
  const large = { conversationId: 'large', text: 'ü'.repeat(1_500_000) }
  await storage.save(large)
  assert.deepEqual(await storage.load('large'), large)
  await storage.withLock('c1', () => storage.update('c1', (state) => ({ ...state, version: 'updated' })))
  assert.equal((await storage.load('c1')).version, 'updated')
  await storage.delete('c1')
  assert.equal(await storage.load('c1'), null)
  await assert.rejects(storage.save({ conversationId: '' }), { name: 'StorageError' })
  const { mode, modeReason } = storage
  await storage.close()
  return mode === 'native' ? mode : `${mode}: ${modeReason}`
}

async function useAll() {
  const modes = {}
  for (const [name, { open }] of Object.entries(STORAGES)) modes[name] = await use(open(newName()))
  const db = new DatabaseSync(inData(`${newName()}-node.db`), { allowExtension: true, timeout: 5000 })
  modes['node:sqlite'] = await use(new imported.SQLiteStorage({ db }))
  db.close()
  closeAll()
  return modes
}

if (isMainThread) {
  assert.equal(createRequire(import.meta.url)('@andresaya/flowkit-storage').FileStorage, imported.FileStorage)
  const here = await useAll()
  const worker = new Worker(new URL(import.meta.url))
  const [inWorker] = await once(worker, 'message')
  assert.deepEqual(inWorker, here)
  const { platform, arch } = process
  const { glibcVersionRuntime: glibc } = process.report.getReport().header
  console.log(JSON.stringify({ platform, arch, glibc, redis: redisPort !== undefined, modes: here }))
} else {
  parentPort.postMessage(await useAll())
}
