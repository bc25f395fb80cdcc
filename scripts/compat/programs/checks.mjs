// What a user does with the package, in the runtime that this is started with. Prints one JSON line: each check with how it ended.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import {
  CustomStorage,
  FileStorage,
  MemoryStorage,
  RedisStorage,
  SQLiteStorage,
  StorageError,
  sequentialize,
} from '@andresaya/flowkit-storage'

const require = createRequire(import.meta.url)
const dir = mkdtempSync(join(tmpdir(), 'flowkit-compat-'))
const redis = { host: '127.0.0.1', port: Number(process.env.COMPAT_REDIS_PORT) }
const closing = []
const keep = (storage) => {
  closing.push(storage)
  return storage
}
let serial = 0
const prefix = () => `compat:${process.pid}:${serial++}:`

class Skip extends Error {}
const needsRedis = () => {
  if (!redis.port) throw new Skip('no redis-server')
}

const ADAPTERS = {
  memory: () => new MemoryStorage(),
  file: () => new FileStorage({ dir: join(dir, `files-${serial++}`) }),
  sqlite: () => new SQLiteStorage({ path: join(dir, `states-${serial++}.db`) }),
  redis: () => {
    needsRedis()
    return new RedisStorage({ ...redis, prefix: prefix() })
  },
}

const state = (conversationId, more) => ({ conversationId, step: 'ask', slots: { name: 'Zoë 💬' }, ...more })

async function keepsOrder(storage) {
  for (let version = 0; version < 100; version++) storage.save(state('user', { version }))
  const loads = [storage.load('user'), storage.delete('user'), storage.load('user')]
  const [loaded, , gone] = await Promise.all(loads)
  assert.equal(loaded.version, 99)
  assert.equal(gone, null)
}

async function savesMany(storage) {
  const ids = Array.from({ length: 500 }, (_, index) => `user-${index}`)
  await Promise.all(ids.map((id) => storage.save(state(id))))
  const loaded = await Promise.all(ids.map((id) => storage.load(id)))
  assert.deepEqual(
    loaded.map(({ conversationId }) => conversationId),
    ids,
  )
}

async function savesLarge(storage) {
  const large = state('large', { text: 'ü'.repeat(1_500_000) })
  await storage.save(large)
  assert.deepEqual(await storage.load('large'), large)
}

async function serves(storage) {
  await keepsOrder(storage)
  await savesMany(storage)
  await savesLarge(storage)
}

/** A client's module, or a check that is left out: not every runtime has each of them. */
function load(name) {
  try {
    return require(name)
  } catch (error) {
    throw new Skip(String(error.message).split('\n')[0])
  }
}

const CHECKS = {
  'import finds every name': async () => {
    for (const value of [MemoryStorage, FileStorage, SQLiteStorage, RedisStorage, CustomStorage, StorageError]) {
      assert.equal(typeof value, 'function')
    }
    assert.equal(typeof sequentialize, 'function')
  },
  'require gives the same classes': async () => {
    const required = require('@andresaya/flowkit-storage')
    assert.equal(required.SQLiteStorage, SQLiteStorage)
    assert.equal(required.StorageError, StorageError)
  },
  ...Object.fromEntries(
    Object.entries(ADAPTERS).flatMap(([name, open]) => [
      [`${name}: order`, () => keepsOrder(keep(open()))],
      [`${name}: 500 concurrent saves`, () => savesMany(keep(open()))],
    ]),
  ),
  'states of 3 MB': async () => {
    for (const [name, open] of Object.entries(ADAPTERS)) {
      if (name !== 'redis' || redis.port) await savesLarge(keep(open()))
    }
  },
  'errors have their codes': async () => {
    const storage = keep(ADAPTERS.file())
    await assert.rejects(storage.load(''), { name: 'StorageError', code: 'ERR_STORAGE_INVALID_ID' })
    const circle = state('circle')
    circle.circle = circle
    await assert.rejects(storage.save(circle), { code: 'ERR_STORAGE_INVALID_STATE' })
    assert.throws(() => new FileStorage({ directory: dir }), { code: 'ERR_STORAGE_INVALID_OPTIONS' })
    const nobody = keep(new RedisStorage({ host: '127.0.0.1', port: 1 }))
    await assert.rejects(nobody.load('x'), (error) => error instanceof StorageError && error.retryable === true)
  },
  'a stack leads to the call': async () => {
    const path = join(dir, 'a-file')
    writeFileSync(path, '')
    const storage = keep(new FileStorage({ dir: path }))
    async function theCallOfTheUser() {
      await storage.save(state('user'))
    }
    await assert.rejects(theCallOfTheUser(), (error) => error.stack.includes('theCallOfTheUser'))
  },
  ioredis: async () => {
    needsRedis()
    const { Redis } = load('ioredis')
    const client = new Redis(redis)
    const storage = keep(new RedisStorage({ client, prefix: prefix() }))
    await serves(storage)
    assert.equal(storage.mode, 'native', storage.modeReason)
    await storage.close()
    await client.quit()
  },
  'node-redis': async () => {
    needsRedis()
    const client = load('redis').createClient({ socket: redis })
    await client.connect()
    const storage = keep(new RedisStorage({ client, prefix: prefix() }))
    await serves(storage)
    await storage.close()
    await client.close()
  },
  'better-sqlite3': async () => {
    const Database = load('better-sqlite3')
    let db
    try {
      db = new Database(join(dir, 'better.db'))
    } catch (error) {
      // It is loaded at the first database. A build for another version of Node.js says so here.
      throw new Skip(String(error.message).split('\n')[0])
    }
    const storage = keep(new SQLiteStorage({ db }))
    await serves(storage)
    assert.equal(storage.mode, 'native', storage.modeReason)
    await storage.close()
    db.close()
  },
  "the runtime's own SQLite": async () => {
    const isBun = process.versions.bun !== undefined
    const { Database, DatabaseSync } = load(isBun ? 'bun:sqlite' : 'node:sqlite')
    const path = join(dir, 'own.db')
    const db = isBun ? new Database(path) : new DatabaseSync(path, { allowExtension: true, timeout: 5000 })
    const storage = keep(new SQLiteStorage({ db }))
    await serves(storage)
    // Those of Bun and Deno cannot open a connection beside theirs.
    const expected = isBun || process.versions.deno !== undefined ? 'inline' : 'native'
    assert.equal(storage.mode, expected, storage.modeReason)
    await storage.close()
    db.close()
  },
  'locks and updates': async () => {
    const storage = keep(ADAPTERS.sqlite())
    await storage.save(state('user', { count: 0 }))
    const add = () =>
      storage.update('user', (current) => {
        current.count++
      })
    await Promise.all(Array.from({ length: 20 }, add))
    assert.equal((await storage.load('user')).count, 20)
  },
  'a worker thread': async () => {
    const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: join(dir, 'worker.db') })
    const message = await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    assert.equal(message, 'kept')
    await worker.terminate()
    await serves(keep(ADAPTERS.sqlite()))
  },
  'dispose closes': async () => {
    const storage = ADAPTERS.sqlite()
    await storage.save(state('user'))
    await storage[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]()
    await assert.rejects(storage.load('user'), { code: 'ERR_STORAGE_CLOSED' })
  },
}

const results = []
for (const [name, check] of Object.entries(CHECKS)) {
  try {
    await check()
    results.push({ name, outcome: 'passed' })
  } catch (error) {
    const skipped = error instanceof Skip
    results.push({ name, outcome: skipped ? 'skipped' : 'failed', why: skipped ? error.message : String(error.stack) })
  }
}
for (const storage of closing) await storage.close()
rmSync(dir, { recursive: true, force: true })
console.log(JSON.stringify({ results }))
