// The storages of a test on another platform. Data is kept beside the programs, so that it outlives a process.
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '@andresaya/flowkit-storage'
import Database from 'better-sqlite3'
import { Redis } from 'ioredis'

const DATA = join(dirname(fileURLToPath(import.meta.url)), 'data')

/** The port of a server for tests; absent if this machine has none. */
export const redisPort = Number(process.env.FLOWKIT_REDIS_PORT) || undefined

/** The clients and databases under storages, which their user has to close. */
const opened = []

export function closeAll() {
  for (const close of opened.splice(0)) close()
}

/** Returns the path of a file or folder of the data. */
export function inData(name) {
  mkdirSync(DATA, { recursive: true })
  return join(DATA, name)
}

/** Opens the table that a storage has made, past the storage. */
function plantRow(path, id, text) {
  const db = new Database(path)
  db.prepare('INSERT OR REPLACE INTO conversations (id, state, updated_at) VALUES (?, ?, 1)').run(id, text)
  db.close()
}

async function plantKey(prefix, id, text) {
  const client = new Redis({ host: '127.0.0.1', port: redisPort })
  await client.set(prefix + id, text)
  await client.quit()
}

/** Each way to open a storage on the place `name`, and to put a text there past the storage. */
export const STORAGES = {
  memory: { open: () => new MemoryStorage() },
  file: {
    open: (name) => new FileStorage({ dir: inData(`${name}-files`) }),
    plant(name, id, text) {
      const folder = inData(`${name}-files`)
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, `${id}.json`), text)
    },
  },
  sqlite: {
    open: (name) => new SQLiteStorage({ path: inData(`${name}.db`) }),
    plant: (name, id, text) => plantRow(inData(`${name}.db`), id, text),
  },
  'better-sqlite3': {
    open(name) {
      const db = new Database(inData(`${name}-host.db`))
      opened.push(() => db.close())
      db.pragma('journal_mode = WAL')
      return new SQLiteStorage({ db })
    },
    plant: (name, id, text) => plantRow(inData(`${name}-host.db`), id, text),
  },
  redis: {
    open: (name) => new RedisStorage({ host: '127.0.0.1', port: redisPort, prefix: `${name}:` }),
    plant: (name, id, text) => plantKey(`${name}:`, id, text),
  },
  ioredis: {
    open(name) {
      const client = new Redis({ host: '127.0.0.1', port: redisPort })
      opened.push(() => client.disconnect())
      return new RedisStorage({ client, prefix: `${name}-host:` })
    },
    plant: (name, id, text) => plantKey(`${name}-host:`, id, text),
  },
}
if (redisPort === undefined) {
  delete STORAGES.redis
  delete STORAGES.ioredis
}

export const newName = () => randomUUID()
