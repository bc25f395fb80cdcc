import { rm } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'

import type { Authority, Identity } from './certificates.js'
import { freePort } from './ports.js'
import { type RedisServer, startRedis } from './redis-server.js'

export interface TlsRedisServer extends RedisServer {
  /** Where it speaks TLS; `port` is the same server without. */
  tlsPort: number
}

/** A real Redis server with a TLS port, too. Clients need no certificate unless `clients` is the authority of theirs. */
export async function startTlsRedis(
  identity: Identity,
  clients?: Authority,
  ...args: string[]
): Promise<TlsRedisServer> {
  const tlsPort = await freePort()
  const files = ['--tls-cert-file', identity.certFile, '--tls-key-file', identity.keyFile]
  const authority = ['--tls-ca-cert-file', clients?.cert ?? identity.certFile]
  const wanted = ['--tls-auth-clients', clients === undefined ? 'no' : 'yes']
  const server = await startRedis('--tls-port', String(tlsPort), ...files, ...authority, ...wanted, ...args)
  return Object.assign(server, { tlsPort })
}

/** A TLS server of Node's own before a plain one: for what Redis does not tell or do. */
export async function tlsBefore(
  target: number,
  options: TlsOptions,
  at: { path?: string; onConnection?: (socket: TLSSocket) => void } = {},
): Promise<{ port: number; stop(): Promise<void> }> {
  const sockets = new Set<{ destroy(): void }>()
  const server: Server = createServer(options, (socket) => {
    at.onConnection?.(socket)
    const inner = connect(target, '127.0.0.1')
    for (const end of [socket, inner]) {
      sockets.add(end)
      end.on('error', () => inner.destroy())
    }
    socket.pipe(inner).pipe(socket)
  })
  await new Promise<void>((resolve) =>
    at.path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(at.path, resolve),
  )
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
      if (at.path !== undefined) await rm(at.path, { force: true })
    },
  }
}
