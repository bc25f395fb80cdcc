import type { TestProject } from 'vitest/node'
import { Authority } from './certificates.js'
import { startTlsRedis } from './redis-tls-server.js'

declare module 'vitest' {
  interface ProvidedContext {
    redisPort: number
    redisSocket: string
    redisTlsPort: number
    /** The certificate to trust at that port, as PEM. */
    redisTlsCa: string
  }
}

/** One Redis server for all test files; each uses keys of its own. */
export default async function setup({ provide }: TestProject) {
  const authority = await Authority.make()
  const server = await startTlsRedis(await authority.issue())
  provide('redisPort', server.port)
  provide('redisSocket', server.socket)
  provide('redisTlsPort', server.tlsPort)
  provide('redisTlsCa', await authority.pem)
  return async () => {
    await server.stop()
    await authority.remove()
  }
}
