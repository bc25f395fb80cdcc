// A few operations of each kind on each adapter that needs no server, for a run under valgrind, where each takes long.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'

import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '../../index.js'

const dir = mkdtempSync(join(tmpdir(), 'flowkit-smoke-'))
const db = new Database(join(dir, 'host.db'))
const storages = [
  new MemoryStorage(),
  new FileStorage({ dir: join(dir, 'files') }),
  new SQLiteStorage({ path: join(dir, 'path.db') }),
  new SQLiteStorage({ db }),
]
for (const storage of storages) {
  for (const id of ['user-1', '../é/💬', 'x'.repeat(1000)]) {
    const state = { conversationId: id, slots: { text: 'ü'.repeat(5000) } }
    await Promise.all([storage.save(state), storage.save(state)])
    assert.deepEqual(await storage.load(id), state)
    await storage.delete(id)
    assert.equal(await storage.load(id), null)
  }
  await assert.rejects(storage.load(''))
  const circle = { conversationId: 'x' }
  circle.circle = circle
  await assert.rejects(storage.save(circle))
}
writeFileSync(join(dir, 'files', 'broken.json'), Buffer.from([0xff, 0xfe]))
await assert.rejects(storages[1].load('broken'), { code: 'ERR_STORAGE_CORRUPT' })
const nobody = new RedisStorage({ host: '127.0.0.1', port: 1 })
await assert.rejects(nobody.load('x'), { code: 'ERR_STORAGE_UNAVAILABLE' })
for (const storage of [...storages, nobody]) await storage.close()
db.close()
rmSync(dir, { recursive: true })
