import { Redis } from 'ioredis6'

import { RedisStorage } from '../../index.js'
import { load } from '../harness/packages.mjs'
import { IoredisStorage } from '../reference/index.mjs'
import { keyValue } from './memory.mjs'

const host = '127.0.0.1'
const TTL_SECONDS = 86_400

/** Subjects on a client of ioredis 6 that the user made. */
function onClient(make, options) {
  return async ({ redisPort }) => {
    const client = new Redis({ host, port: redisPort, ...options })
    const storage = make(client)
    return {
      storage,
      async close() {
        await storage.close?.()
        await client.quit()
      },
    }
  }
}

/** Whether this version of the package knows the option `native`. */
function knowsNative() {
  const nothing = async () => null
  try {
    new RedisStorage({ client: { get: nothing, set: nothing, del: nothing }, native: false })
    return true
  } catch {
    return false
  }
}

/** @type {Record<string, import('./index.mjs').Variant>} */
export const REDIS = {
  redis: {
    adapter: 'redis',
    label: 'Redis',
    note: 'All on one redis-server of the benchmark itself, over TCP on this machine, with `appendonly yes` and `appendfsync everysec`.',
    reference: 'ioredis',
    subjects: {
      ioredis: { label: 'ioredis 6', open: onClient((client) => new IoredisStorage({ client })) },
      client: {
        label: 'RedisStorage { client }',
        ours: true,
        open: onClient((client) => new RedisStorage({ client })),
      },
      host: {
        label: 'RedisStorage { host }',
        ours: true,
        async open({ redisPort }) {
          const storage = new RedisStorage({ host, port: redisPort })
          return { storage, close: () => storage.close() }
        },
      },
      'client-methods': {
        label: 'RedisStorage { client, native: false }',
        ours: true,
        available: knowsNative,
        open: onClient((client) => new RedisStorage({ client, native: false })),
      },
      pipelining: {
        label: 'ioredis 6 { enableAutoPipelining }',
        extra: true,
        open: onClient((client) => new IoredisStorage({ client }), { enableAutoPipelining: true }),
      },
      keyv: {
        label: 'keyv (@keyv/redis)',
        needs: ['keyv', '@keyv/redis'],
        async open({ redisPort }) {
          const { Keyv } = await load('keyv')
          const { default: KeyvRedis } = await load('@keyv/redis')
          const store = new Keyv(new KeyvRedis(`redis://${host}:${redisPort}`), { ttl: TTL_SECONDS * 1000 })
          return { storage: keyValue(store, 'get', 'set'), close: () => store.disconnect() }
        },
      },
      unstorage: {
        label: 'unstorage (redis, ioredis 5)',
        needs: ['unstorage', 'ioredis'],
        async open({ redisPort }) {
          const { createStorage } = await load('unstorage')
          const { default: driver } = await load('unstorage/drivers/redis')
          const store = createStorage({ driver: driver({ host, port: redisPort, ttl: TTL_SECONDS }) })
          return { storage: keyValue(store, 'getItem', 'setItem'), close: () => store.dispose() }
        },
      },
    },
  },
}
