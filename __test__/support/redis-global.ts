import type { TestProject } from 'vitest/node'
import { startRedis } from './redis-server.js'

declare module 'vitest' {
  interface ProvidedContext {
    redisPort: number
    redisSocket: string
  }
}

/** One Redis server for all test files; each uses keys of its own. */
export default async function setup({ provide }: TestProject) {
  const server = await startRedis()
  provide('redisPort', server.port)
  provide('redisSocket', server.socket)
  return () => server.stop()
}
