import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import { Redis as Redis6 } from 'ioredis6'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { RedisStorage, type RedisTlsOptions } from '../index.js'
import { Authority, type Identity } from './support/certificates.js'
import { freePort } from './support/ports.js'
import { startTlsRedis, type TlsRedisServer, tlsBefore } from './support/redis-tls-server.js'

type Answer = { settings: object; reason?: undefined } | { settings?: undefined; reason: string }
const require = createRequire(import.meta.url)
const { readTls, tlsOfClient } = require('../lib/redis-tls.js') as {
  readTls(given: unknown, about: { host: string; ofClient?: boolean }): Answer
  tlsOfClient(client: object): Answer | undefined
}
const { Kind, openRedis, Stats } = require('../lib/binding.js')
const { getDispatcher, scheduleHandOver } = require('../lib/dispatcher.js')

let authority: Authority
let identity: Identity
let ca: string
let server: TlsRedisServer
beforeAll(async () => {
  authority = await Authority.make()
  ;[identity, ca] = await Promise.all([authority.issue(), authority.pem])
  server = await startTlsRedis(identity)
})
afterAll(async () => {
  await server.stop()
  await authority.remove()
})

describe('what cannot be the same as with Node is refused with its name, and not shown', () => {
  const cases: [string, () => unknown | Promise<unknown>, RegExp][] = [
    ['pfx', () => ({ pfx: Buffer.from('hunter2') }), /^"pfx" is not supported; give "cert" and "key"/],
    ['passphrase', () => ({ passphrase: 'hunter2', ca }), /^"passphrase" is not supported; give "key" unencrypted$/],
    ['secureContext', () => ({ secureContext: {} }), /^"secureContext" is not supported$/],
    ['checkServerIdentity', () => ({ checkServerIdentity: () => undefined }), /^"checkServerIdentity"/],
    ['ciphers', () => ({ ciphers: 'HIGH' }), /^"ciphers"/],
    ['minVersion', () => ({ minVersion: 'TLSv1.3' }), /^"minVersion" of TLSv1\.3/],
    ['an old minVersion', () => ({ minVersion: 'TLSv1' }), /^"minVersion"/],
    ['maxVersion', () => ({ maxVersion: 'TLSv1.2' }), /^"maxVersion"/],
    ['crl', () => ({ crl: 'x' }), /^"crl"/],
    ['lookup', () => ({ lookup: () => {} }), /^"lookup"/],
    ['ALPNProtocols', () => ({ ALPNProtocols: ['redis'] }), /^"ALPNProtocols"/],
    ['socket', () => ({ socket: {} }), /^"socket"/],
    ['an unknown option', () => ({ hunter: 'hunter2' }), /^"hunter" is not supported$/],
    ['another host', () => ({ host: 'other' }), /^"host" belongs beside "tls"/],
    ['a port', () => ({ port: 1 }), /^"port" belongs beside "tls"/],
    ['no ca at all', () => ({ ca: [] }), /^"ca" is an empty list/],
    ['a ca that is none', () => ({ ca: 'hunter2' }), /^"ca" holds no certificate/],
    ['a ca that is damaged', () => ({ ca: ca.replace('MII', '!!!') }), /^"ca" holds damaged PEM/],
    ['a ca that is a number', () => ({ ca: 5 }), /^"ca" must be/],
    ['a cert alone', () => ({ cert: identity.cert }), /^"cert" and "key" go together/],
    ['two keys', () => ({ cert: identity.cert, key: [identity.key, identity.key] }), /^"key" must be one/],
    ['a key with its passphrase', () => ({ cert: identity.cert, key: [{ pem: 'hunter2' }] }), /^"key" must be one/],
    ['a key that is none', () => ({ cert: identity.cert, key: 'hunter2' }), /^"key" holds no unencrypted/],
    ['an encrypted key', encrypted, /^"key" is encrypted.*unencrypted$/],
    [
      'a foreign key',
      async () => ({ cert: identity.cert, key: (await authority.issue()).key }),
      /^"key" is not the key/,
    ],
    ['a servername that is a number', () => ({ servername: 5 }), /^"servername" must be a string/],
    ['a servername that is no name', () => ({ servername: 'a b' }), /^"servername"/],
  ]
  for (const [name, given, expected] of cases) {
    it(name, async () => {
      const options = await given()
      const { settings, reason } = readTls(options, { host: 'localhost' })
      expect(settings).toBeUndefined()
      expect(reason).toMatch(expected)
      const open = () => new RedisStorage({ host: 'localhost', tls: options as RedisTlsOptions })
      const message = `The option "tls" of the redis storage cannot be used: ${reason}.`
      expect(open).toThrow(expect.objectContaining({ code: 'ERR_STORAGE_INVALID_OPTIONS', message }))
      expect(message).not.toMatch(/hunter2|-----BEGIN|MII/)
    })
  }

  async function encrypted() {
    const key = await authority.encrypt(identity, 'hunter2')
    expect(key).toContain('ENCRYPTED')
    return { cert: identity.cert, key }
  }
})

it('what Node ignores is ignored', () => {
  const ignored = { ca: undefined, cert: null, key: '', pfx: undefined, passphrase: '', host: 'localhost' }
  for (const given of [true, {}, ignored, { requestCert: true, agent: false }, { ca: '', servername: '' }]) {
    expect(readTls(given, { host: 'localhost' }).settings).toBeDefined()
  }
})

/** Stores through a native connection to where the client is connected, as encrypted as the client's is. */
async function follow(client: Redis | Redis6) {
  onTestFinished(() => client.disconnect())
  client.on('error', () => {})
  expect(await client.ping()).toBe('PONG')
  const { settings, reason } = tlsOfClient(client) ?? {}
  expect(reason).toBeUndefined()
  const { remoteAddress: host, remotePort: port } = (client as unknown as { stream: Record<string, unknown> }).stream
  const handle = openRedis(getDispatcher(), new Stats(0), { host, port, db: 0, prefix: 'followed:' }, settings)
  const stored = handle.submit(Kind.Save, 'a', 'text')
  scheduleHandOver()
  await stored
  expect(await client.getdel('followed:a')).toBe('text')
}

for (const [name, Client] of [
  ['ioredis 5', Redis],
  ['ioredis 6', Redis6 as unknown as typeof Redis],
] as const) {
  describe(`the connection of ${name}`, () => {
    it('is followed with what its own certificate was checked against', async () => {
      const port = server.tlsPort
      await follow(new Client({ host: 'localhost', port, tls: { ca } }))
      await follow(new Client(`rediss://127.0.0.1:${port}`, { tls: { ca, servername: 'localhost' } }))
      await follow(new Client({ host: '127.0.0.2', port, tls: { ca, host: 'localhost', port } }))
      await follow(new Client({ port, tls: { rejectUnauthorized: false } }))
      await follow(new Client(server.port))
    })

    it('tells the server a name only where a servername is set', async () => {
      const told: unknown[] = []
      const onConnection = (socket: object) => told.push((socket as { servername?: unknown }).servername)
      const proxy = await tlsBefore(server.port, identity, { onConnection })
      onTestFinished(() => proxy.stop())
      await follow(new Client({ host: 'localhost', port: proxy.port, tls: { ca } }))
      await follow(new Client({ host: 'localhost', port: proxy.port, tls: { ca, servername: 'localhost' } }))
      expect(told).toEqual([false, false, 'localhost', 'localhost'])
    })

    it('is verified for the name that Sentinel told, or not encrypted at all', async () => {
      const sentinels = [{ host: '127.0.0.1', port: await startSentinel() }]
      const plain = `127.0.0.1:${server.port}`
      const base: RedisOptions = { sentinels, name: 'mymaster', tls: { ca } }
      await follow(new Client({ ...base, tls: { ca: 'nonsense', ciphers: 'none' } }))
      // Each certificate is for one of them only, and "localhost" is also the host that ioredis has by default.
      for (const [host, name] of [
        ['localhost', 'DNS:localhost'],
        ['127.0.0.1', 'IP:127.0.0.1'],
      ] as const) {
        const proxy = await tlsBefore(server.port, await authority.issue({ extensions: [`subjectAltName=${name}`] }))
        onTestFinished(() => proxy.stop())
        const natMap = { [plain]: { host, port: proxy.port } }
        await follow(new Client({ ...base, natMap, enableTLSForSentinelMode: true }))
      }
    })
  })
}

it('of a client, what is not about the connection is what counts', () => {
  const options = { host: 'h', tls: { ca, port: 1, family: 4 } }
  expect(tlsOfClient({ options })?.settings).toBeDefined()
  expect(tlsOfClient({ options: { host: 'h', tls: 'true' } })?.settings).toBeDefined()
  expect(tlsOfClient({ options: { path: '/s', tls: {} } })?.settings).toBeDefined()
  expect(tlsOfClient({ options: { host: 'h', tls: { lookup() {} } } })?.reason).toMatch(/^"lookup"/)
  expect(tlsOfClient({ options: { host: 'h' } })).toBeUndefined()
})

/** A real Sentinel, which knows the plain port of the server. */
async function startSentinel(): Promise<number> {
  const port = await freePort()
  const file = join(authority.dir, `sentinel-${port}.conf`)
  await writeFile(
    file,
    `port ${port}\nbind 127.0.0.1\ndir ${authority.dir}\nsentinel monitor mymaster 127.0.0.1 ${server.port} 1\n`,
  )
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => String(chunk).includes('+monitor') && resolve())
    child.once('exit', () => readFile(file, 'utf8').then((text) => reject(new Error(text)), reject))
  })
  return port
}
