import { readFileSync } from 'node:fs'
import type { Cluster, Redis } from 'ioredis'

import type { RedisClient } from '../../index.js'

const page = readFileSync(new URL('../../docs/redis.md', import.meta.url), 'utf8')
const code = /^```js synchronous\.mjs\n([\s\S]*?)^```/m.exec(page)?.[1]
if (code === undefined) throw new Error('docs/redis.md has no synchronous.mjs')
const module = await import(`data:text/javascript,${encodeURIComponent(code)}`)

/** A client whose writes are only acknowledged once `replicas` replicas hold them: the program in docs/redis.md, as printed. */
export const synchronous: (client: Redis | Cluster, replicas: number) => RedisClient = module.synchronous
