import type { Cluster, Redis } from 'ioredis'

import type { RedisClient } from '../../index.js'

/** How long a write may wait for its replicas, in ms. */
const PATIENCE = 3_000

/**
 * A client whose writes are only acknowledged once `replicas` replicas hold them, for whoever cannot afford that a
 * failover loses acknowledged writes. `docs/redis.md` shows it.
 */
export function synchronous(client: Redis | Cluster, replicas: number): RedisClient {
  async function write(...command: (string | number)[]): Promise<unknown> {
    // One pipeline: WAIT asks for the writes of its own connection.
    const answers = await client.pipeline([command, ['wait', replicas, PATIENCE]]).exec()
    const [[failure, answer], [unsure, count]] = answers as [[Error | null, unknown], [Error | null, number]]
    if (failure ?? unsure) throw failure ?? unsure
    if (count < replicas) throw new Error(`NOREPLICAS only ${count} replicas hold the write`)
    return answer
  }
  return {
    get: (key) => client.get(key),
    set: (key, value, ...options) => write('set', key, value, ...options),
    del: (key) => write('del', key),
  }
}
