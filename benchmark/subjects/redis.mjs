import { Redis } from 'ioredis6'

import { IoredisStorage } from '../reference/index.mjs'

const host = '127.0.0.1'

/** The option that makes `RedisStorage` call the client's own methods. Its name stands only here. */
const THROUGH_CLIENT = { mode: 'inline' }

/** Returns a function that opens a storage on a client of ioredis 6 that the user made. */
const onClient = (make, options) => (context) => {
  const client = new Redis({ host, port: context.redisPort, ...options })
  context.atEnd(() => client.quit())
  return make(client, context.adapters)
}

/** @type {Record<string, import('./index.mjs').Place>} */
export const REDIS = {
  redis: {
    adapter: 'redis',
    label: 'redis',
    note: 'Each measurement has its own redis-server, over TCP on this machine, with `appendonly yes` and `appendfsync everysec`.',
    reference: 'ioredis',
    subjects: {
      ioredis: { label: 'ioredis 6', open: onClient((client) => new IoredisStorage({ client })) },
      pipelining: {
        label: 'ioredis 6 { enableAutoPipelining }',
        open: onClient((client) => new IoredisStorage({ client }), { enableAutoPipelining: true }),
      },
      client: {
        label: 'RedisStorage { client }',
        ours: true,
        mode: 'native',
        open: onClient((client, { RedisStorage }) => new RedisStorage({ client })),
      },
      host: {
        label: 'RedisStorage { host }',
        ours: true,
        open: ({ adapters, redisPort }) => new adapters.RedisStorage({ host, port: redisPort }),
      },
      'through-client': {
        label: "RedisStorage through the client's methods",
        ours: true,
        onlyHere: true,
        open: onClient((client, { RedisStorage }) => new RedisStorage({ client, ...THROUGH_CLIENT })),
      },
    },
  },
}
