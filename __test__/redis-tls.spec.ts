import { execFile } from 'node:child_process'
import { randomUUID, X509Certificate } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'

import type { RedisStorageOptions } from '../index.js'
import samples from '../testing/samples.js'
import { Authority } from './support/certificates.js'
import { denied, open, openAt, refusal, start, versionOf, works } from './support/redis-tls.js'
import { tlsBefore } from './support/redis-tls-server.js'

const { sample } = samples
const index = join(import.meta.dirname, '..', 'index.js')

let authority: Authority
let stranger: Authority
let ca: string
beforeAll(async () => {
  ;[authority, stranger] = await Promise.all([Authority.make(), Authority.make('Somebody else')])
  ca = await authority.pem
})
afterAll(() => Promise.all([authority.remove(), stranger.remove()]))

describe('a server is accepted', () => {
  it('by its IP address and by its name, as `ca` in every form', async () => {
    const { tlsPort: port } = await start(await authority.issue())
    const bundle = (await stranger.pem) + ca
    const der = new X509Certificate(ca).raw
    for (const form of [ca, Buffer.from(ca), new TextEncoder().encode(ca), [await stranger.pem, ca], bundle, der]) {
      await works(open({ port, tls: { ca: form } }))
    }
    await works(open({ host: 'localhost', port, tls: { ca } }))
    await works(open({ host: '127.0.0.1', port, tls: { ca, servername: 'localhost', minVersion: 'TLSv1.2' } }))
  })

  it('with mutual TLS', async () => {
    const { tlsPort: port } = await start(await authority.issue(), authority)
    const { cert, key } = await authority.issue({ name: 'client', extensions: ['extendedKeyUsage=clientAuth'] })
    await works(open({ port, tls: { ca, cert, key } }))
    await works(open({ port, tls: { ca: [ca], cert: [Buffer.from(cert)], key: [Buffer.from(key)] } }))
  })

  it('whose certificate signed itself as an authority, where it is the `ca`', async () => {
    const identity = await authority.selfSigned()
    const { tlsPort: port } = await start(identity)
    await works(open({ port, tls: { ca: identity.cert } }))
    const error = await refusal(open({ port, tls: { ca } }))
    expect(error).toMatchObject(denied('DEPTH_ZERO_SELF_SIGNED_CERT', /give this very certificate.*"tls.ca"/))
  })

  it('whatever it shows, with `rejectUnauthorized: false`', async () => {
    for (const identity of [
      await stranger.issue({ name: 'other', extensions: [], days: -1 }),
      await stranger.selfSigned(),
    ]) {
      const storage = await openAt(identity, { rejectUnauthorized: false })
      // The one that stays refused: rustls cannot read version 1 far enough to check who signs the handshake.
      if (versionOf(identity) === 1) expect(await refusal(storage)).toMatchObject(denied(undefined, /version 1/))
      else await works(storage)
    }
    const expired = await stranger.issue({ extensions: ['subjectAltName=DNS:other'], days: -1 })
    await works(await openAt(expired, { rejectUnauthorized: false }))
  })

  it('at a Unix socket, under the name localhost', async () => {
    const path = join(authority.dir, 'tls.sock')
    const proxy = await tlsBefore(inject('redisPort'), await authority.issue(), { path })
    onTestFinished(() => proxy.stop())
    await works(open({ path, prefix: `${randomUUID()}:`, tls: { ca } }))
    expect(await refusal(open({ path, tls: { ca, servername: 'other' } }))).toMatchObject(
      denied('ERR_TLS_CERT_ALTNAME_INVALID', /"other"/),
    )
  })
})

describe('a rediss: URL', () => {
  it('brings host, credentials and database, and is told from redis: in any case', async () => {
    const { port, tlsPort } = await start(await authority.issue(), undefined, '--requirepass', 'p@ss/word')
    await works(open({ url: `REDISS://:p%40ss%2Fword@localhost:${tlsPort}/5`, tls: { ca } }))
    const client = new Redis({ port, password: 'p@ss/word', db: 5 })
    onTestFinished(async () => void (await client.quit()))
    expect(await client.keys('*')).toEqual(['flowkit:a'])
    const error = await refusal(open({ url: `rediss://:hunter2@localhost:${tlsPort}`, tls: { ca } }))
    expect(error).toMatchObject(denied('WRONGPASS', /password/))
  })

  it('asks for the roots that Node has, and takes its word from the environment', async () => {
    const { tlsPort } = await start(await authority.issue())
    const url = `rediss://localhost:${tlsPort}`
    expect(await refusal(open({ url }))).toMatchObject(denied('UNABLE_TO_VERIFY_LEAF_SIGNATURE', /"tls.ca"/))
    expect(await inChild({ url }, { NODE_EXTRA_CA_CERTS: authority.cert })).toBe('stored')
    expect(await inChild({ url }, { NODE_EXTRA_CA_CERTS: stranger.cert })).toBe('ERR_STORAGE_DENIED')
    expect(await inChild({ url }, { NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toBe('stored')
    const strict = { url, tls: { rejectUnauthorized: true } }
    expect(await inChild(strict, { NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toBe('ERR_STORAGE_DENIED')
  })
})

/** Returns the end of a save in a process with another environment. */
async function inChild(options: RedisStorageOptions, env: Record<string, string>) {
  const script = `
    const { RedisStorage } = require(${JSON.stringify(index)})
    const storage = new RedisStorage(${JSON.stringify(options)})
    storage.save({ conversationId: 'a' }).then(() => 'stored', (error) => error.code).then(console.log)`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env: { ...process.env, ...env } })
  return stdout.trim()
}

describe('time and order', () => {
  it('a handshake that hangs is named, and ends with the patience of operations', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as import('node:net').AddressInfo
    expect(await refusal(open({ port, tls: { ca } }))).toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      retryable: true,
      message: expect.stringMatching(/silent at the TLS handshake; does it speak TLS/),
      cause: expect.objectContaining({ code: 'ETIMEDOUT' }),
    })
  })

  it('a plain connection to a TLS port is told what it may be', async () => {
    const { tlsPort: port } = await start(await authority.issue())
    expect(await refusal(open({ port }))).toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/does it expect TLS \(the option "tls"\)/),
    })
  })

  it('nothing acknowledged is lost when the server is killed and comes back', async () => {
    const server = await start(await authority.issue(), undefined, '--appendonly', 'yes', '--appendfsync', 'always')
    const storage = open({ port: server.tlsPort, tls: { ca } })
    const text = 'x'.repeat(300_000)
    for (let round = 0; round < 3; round++) {
      const saves = Array.from({ length: 20 }, (_, at) => storage.save(sample(`${round}-${at}`, { slots: { text } })))
      const [restarted] = await Promise.all([server.crashAndRestart(), ...saves])
      expect(restarted).toBeUndefined()
    }
    for (const id of ['0-0', '1-7', '2-19']) expect((await storage.load(id))?.slots).toEqual({ text })
  })
})

describe('the name that the server is told', () => {
  it('is the host or the servername, and none for an IP address', async () => {
    const identity = await authority.issue({
      extensions: ['subjectAltName=DNS:localhost,DNS:redis.example,IP:127.0.0.1'],
    })
    const told: unknown[] = []
    const options = {
      ...identity,
      SNICallback: (_: string, done: (e: null, c: never) => void) => done(null, context as never),
    }
    const context = createSecureContext(identity)
    const proxy = await tlsBefore(inject('redisPort'), options, {
      onConnection: (socket) => told.push((socket as { servername?: unknown }).servername),
    })
    onTestFinished(() => proxy.stop())
    const { port } = proxy
    for (const to of [
      { host: 'localhost', tls: { ca } },
      { host: '127.0.0.1', tls: { ca } },
      { host: '127.0.0.1', tls: { ca, servername: 'redis.example' } },
    ]) {
      await works(open({ ...to, port, prefix: `${randomUUID()}:` }))
    }
    expect(told).toEqual(['localhost', false, 'redis.example'])
  })
})
