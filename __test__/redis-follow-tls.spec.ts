import type { Redis as Ioredis5 } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { RedisStorage } from '../index.js'
import { Authority, type Identity } from './support/certificates.js'
import { connected, MAJORS, prefix } from './support/ioredis.js'
import { start, works } from './support/redis-tls.js'

let authority: Authority
let ca: string
beforeAll(async () => {
  authority = await Authority.make()
  ca = await authority.pem
})
afterAll(() => authority.remove())

interface Row {
  name: string
  mode: 'native' | 'inline'
  /** The text of `modeReason` if it is inline. */
  reason?: RegExp
  /** The server's certificate, and what the client is given; the server asks for a certificate where `clients` is set. */
  make(): Promise<{ server: Identity; tls: object; clients?: boolean }>
}

const ROWS: Row[] = [
  {
    name: 'an authority and a certificate with names',
    mode: 'native',
    make: async () => ({ server: await authority.issue(), tls: { ca } }),
  },
  {
    name: 'the same as bytes in a list, with a servername',
    mode: 'native',
    make: async () => ({ server: await authority.issue(), tls: { ca: [Buffer.from(ca)], servername: 'localhost' } }),
  },
  {
    name: 'mutual TLS',
    mode: 'native',
    async make() {
      const { cert, key } = await authority.issue({ name: 'client', extensions: ['extendedKeyUsage=clientAuth'] })
      return { server: await authority.issue(), tls: { ca, cert, key }, clients: true }
    },
  },
  {
    name: 'the self-signed authority of tutorials as its own `ca`',
    mode: 'native',
    async make() {
      const server = await authority.selfSigned()
      return { server, tls: { ca: server.cert } }
    },
  },
  {
    name: 'a stranger, with rejectUnauthorized: false',
    mode: 'native',
    make: async () => ({ server: await authority.issue(), tls: { rejectUnauthorized: false } }),
  },
  {
    name: 'a common name alone',
    mode: 'inline',
    reason: /certificate of the Redis server .*subjectAltName/,
    make: async () => ({
      server: await authority.issue({ name: 'localhost', extensions: [] }),
      tls: { ca, servername: 'localhost' },
    }),
  },
  {
    name: 'an encrypted key',
    mode: 'inline',
    reason: /passphrase/,
    async make() {
      const { cert, key } = await authority.issue({ name: 'client', extensions: ['extendedKeyUsage=clientAuth'] })
      return { server: await authority.issue(), tls: { ca, cert, key, passphrase: 'hunter2' }, clients: true }
    },
  },
  {
    name: 'a check of the user’s own',
    mode: 'inline',
    reason: /checkServerIdentity/,
    make: async () => ({ server: await authority.issue(), tls: { ca, checkServerIdentity: () => undefined } }),
  },
]

describe.each(MAJORS)('an encrypted client of ioredis $major', ({ Ioredis }) => {
  for (const { name, mode, reason, make } of ROWS) {
    it(`${name}: ${mode}`, async () => {
      const { server, tls, clients } = await make()
      const { tlsPort: port } = await start(server, clients ? authority : undefined)
      const client = connected(new Ioredis({ port, tls }) as Ioredis5)
      await client.ping()
      const storage = new RedisStorage({ client, prefix: prefix() })
      await works(storage)
      expect(storage.mode).toBe(mode)
      if (reason !== undefined) expect(storage.modeReason).toMatch(reason)
      expect(storage.modeReason).not.toMatch(/hunter2|BEGIN/)
      await storage.close()
    })
  }
})
