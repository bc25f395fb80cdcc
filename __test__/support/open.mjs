import { createRequire } from 'node:module'

import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '../../index.js'

const require = createRequire(import.meta.url)

// Loaded where they are needed: to load ioredis takes as long as to start Node.js, and thousands of processes come by here.

/** Returns better-sqlite3, or the version of it that the process was started with. */
export const loadBetterSqlite = () => require(process.env.FLOWKIT_BETTER_SQLITE3 ?? 'better-sqlite3')

const CLASSES = { memory: MemoryStorage, file: FileStorage, redis: RedisStorage, sqlite: SQLiteStorage }

/** When the clients of storages are connected. */
const connected = new WeakMap()

/** Waits for the client of a storage, where it has one. */
export async function ready(storage) {
  await connected.get(storage)
}

/**
 * Constructs the adapter of a place. A place is plain data, so that it can be given to a child process.
 *
 * @param {{ adapter: keyof typeof CLASSES | 'better-sqlite3' | 'ioredis' | 'node-redis', options: object }} place
 */
export function openPlace(place) {
  if (place.adapter === 'better-sqlite3') {
    const { path, journal, ...options } = place.options
    const db = new (loadBetterSqlite())(path)
    if (journal !== undefined) db.pragma(`journal_mode = ${journal}`)
    return new SQLiteStorage({ db, ...options })
  }
  if (place.adapter === 'ioredis') {
    const { connection, nodes, module = 'ioredis6', ...options } = place.options
    const { Cluster, Redis } = require(module)
    // A busy machine takes longer to connect than the clients wait by default.
    const client = nodes
      ? new Cluster(nodes, { slotsRefreshTimeout: 60_000 })
      : new Redis({ connectTimeout: 60_000, ...connection })
    // A connected client keeps its process alive forever; the question here is whether the storage does.
    client.on('error', () => {})
    if (!nodes) client.on('ready', () => client.stream.unref())
    const storage = new RedisStorage({ client, ...options })
    // Not `once` of `node:events`: it rejects at the error of an attempt, after which the client tries again.
    connected.set(storage, new Promise((resolve) => client.once('ready', resolve)))
    return storage
  }
  if (place.adapter === 'node-redis') {
    const { connection, nodes, module = 'redis', ...options } = place.options
    const { createClient, createCluster } = require(module)
    const rootNodes = nodes?.map(({ host, port }) => ({ url: `redis://${host}:${port}` }))
    const client = nodes
      ? createCluster({ rootNodes })
      : createClient({ socket: { connectTimeout: 60_000, ...connection } })
    // Without a listener, node-redis ends its process when a connection breaks.
    client.on('error', () => {})
    const storage = new RedisStorage({ client, ...options })
    // Likewise. `unref` makes its socket not keep the process alive, once it is there.
    connected.set(
      storage,
      client.connect().then(() => client.unref?.()),
    )
    return storage
  }
  return new CLASSES[place.adapter](place.options)
}
