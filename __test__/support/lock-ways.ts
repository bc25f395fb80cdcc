import { Redis as Ioredis5 } from 'ioredis'
import { Redis as Ioredis6 } from 'ioredis6'
import { createClient } from 'redis'
import { createClient as createClient4 } from 'redis4'
import { onTestFinished } from 'vitest'

import { RedisStorage, type RedisStorageOptions } from '../../index.js'
import type { LockingStorage } from '../../testing/case.js'

/** One way to the locks of a server. */
export interface Way {
  name: string
  /** Opens a storage until the end of the test. Its keys begin with `app:` and `prefix`, whatever puts that there. */
  open(port: number, prefix: string, options?: Options): Promise<LockingStorage>
}

interface Options {
  ttl?: number
  /** Logs in as. */
  username?: string
  password?: string
}

function storageOf(options: RedisStorageOptions): LockingStorage {
  const storage = new RedisStorage(options)
  onTestFinished(() => storage.close())
  return storage as unknown as LockingStorage
}

function ioredis(name: string, Ioredis: typeof Ioredis5, mode: 'auto' | 'inline'): Way {
  return {
    name,
    async open(port, prefix, { ttl, ...user } = {}) {
      const client = new Ioredis({ port, keyPrefix: 'app:', retryStrategy: () => 20, ...user })
      client.on('error', () => {})
      await client.get('nothing')
      const storage = storageOf({ client, prefix, mode, ttl })
      onTestFinished(() => client.disconnect())
      return storage
    },
  }
}

function nodeRedis(name: string, create: typeof createClient): Way {
  return {
    name,
    async open(port, prefix, { ttl, ...user } = {}) {
      const client = create({
        url: `redis://127.0.0.1:${port}`,
        socket: { reconnectStrategy: 20, connectTimeout: 60_000 },
        ...user,
      })
      client.on('error', () => {})
      await client.connect()
      const storage = storageOf({ client, prefix: `app:${prefix}`, ttl })
      onTestFinished(async () => void (await (client.destroy?.() ?? client.disconnect())))
      return storage
    },
  }
}

const OWN: Way = {
  name: 'a connection of its own',
  open: async (port, prefix, options) => storageOf({ port, prefix: `app:${prefix}`, ...options }),
}

// The two majors agree on all that is used here.
const Sixth = Ioredis6 as unknown as typeof Ioredis5

/** Those that send again what has no reply when a connection breaks. */
export const RESENDING: Way[] = [
  OWN,
  ioredis('beside ioredis 5', Ioredis5, 'auto'),
  ioredis('beside ioredis 6', Sixth, 'auto'),
  ioredis('ioredis 5', Ioredis5, 'inline'),
  ioredis('ioredis 6', Sixth, 'inline'),
]

export const WAYS: Way[] = [
  ...RESENDING,
  nodeRedis('node-redis 6', createClient),
  nodeRedis('node-redis 4', createClient4 as unknown as typeof createClient),
]
