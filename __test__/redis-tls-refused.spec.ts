import { createServer } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { Authority, SERVER, type Wish } from './support/certificates.js'
import { denied, open, openAt, refusal, start, versionOf, works } from './support/redis-tls.js'

let authority: Authority
let stranger: Authority
let ca: string
beforeAll(async () => {
  ;[authority, stranger] = await Promise.all([Authority.make(), Authority.make('Somebody else')])
  ca = await authority.pem
})
afterAll(() => Promise.all([authority.remove(), stranger.remove()]))

describe('a server is refused at once', () => {
  const wishes: [string, Wish, object][] = [
    ['that has expired', { days: -1 }, denied('CERT_HAS_EXPIRED', /has expired/)],
    [
      'of another name',
      { extensions: ['subjectAltName=DNS:redis.example,IP:10.0.0.1'] },
      denied('ERR_TLS_CERT_ALTNAME_INVALID', /not for "127\.0\.0\.1" but for .*redis\.example.*"tls\.servername"/),
    ],
    [
      'that is not for servers',
      { extensions: [...SERVER, 'extendedKeyUsage=clientAuth'] },
      denied('INVALID_PURPOSE', /not for servers/),
    ],
  ]
  for (const [name, wish, expected] of wishes) {
    it(name, async () => {
      expect(await refusal(await openAt(await authority.issue(wish), { ca }))).toMatchObject(expected)
    })
  }

  it('that has only a common name, which Node accepts', async () => {
    const identity = await authority.issue({ extensions: ['basicConstraints=CA:FALSE'] })
    const { tlsPort: port } = await start(identity)
    expect(await answers(new Redis({ host: 'localhost', port, tls: { ca } }))).toBe('PONG')
    const error = await refusal(open({ host: 'localhost', port, tls: { ca } }))
    expect(error).toMatchObject(denied('ERR_TLS_CERT_ALTNAME_INVALID', /no subjectAltName/))
  })

  it('of X.509 version 1, which Node accepts', async (context) => {
    const identity = await authority.issue({ extensions: [] })
    context.skip(versionOf(identity) !== 1, 'this openssl makes no version 1')
    const { tlsPort: port } = await start(identity)
    expect(await answers(new Redis({ host: 'localhost', port, tls: { ca } }))).toBe('PONG')
    const error = await refusal(open({ host: 'localhost', port, tls: { ca } }))
    expect(error).toMatchObject(denied(undefined, /X\.509 version 1;.*-extfile/))
  })

  it('of another authority, also of one of the same name', async () => {
    const { tlsPort: port } = await start(await authority.issue())
    const namesake = await Authority.make()
    onTestFinished(() => namesake.remove())
    expect(await refusal(open({ port, tls: { ca: await stranger.pem } }))).toMatchObject(
      denied('UNABLE_TO_VERIFY_LEAF_SIGNATURE', /"tls\.ca"/),
    )
    expect(await refusal(open({ port, tls: { ca: await namesake.pem } }))).toMatchObject(
      denied('CERT_SIGNATURE_FAILURE', /same name/),
    )
  })

  it('that speaks no TLS', async () => {
    const plain = createServer((socket) => socket.once('data', () => socket.end('-ERR Protocol error\r\n')))
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void plain.close())
    const { port } = plain.address() as import('node:net').AddressInfo
    expect(await refusal(open({ port, tls: true }))).toMatchObject({
      code: 'ERR_STORAGE_INVALID_OPTIONS',
      message: expect.stringMatching(/does not speak TLS.*leave the option "tls" out/),
    })
  })
})

async function answers(client: Redis) {
  try {
    return await client.ping()
  } finally {
    client.disconnect()
  }
}

describe('a server that wants a certificate', () => {
  // With TLS 1.3 its refusal comes after the handshake, with the first reply.
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`gets none, in ${maxVersion}`, async () => {
      const identity = await authority.issue()
      const { tlsPort: port } = await start(identity, authority, '--tls-protocols', maxVersion)
      expect(await refusal(open({ port, tls: { ca } }))).toMatchObject(denied(undefined, /"tls\.cert" and "tls\.key"/))
      const { cert, key } = await stranger.issue({ name: 'client' })
      expect(await refusal(open({ port, tls: { ca, cert, key } }))).toMatchObject(
        denied(undefined, /does not accept our certificate/),
      )
      const own = await authority.issue({ name: 'client' })
      await works(open({ port, tls: { ca, cert: own.cert, key: own.key } }))
    })
  }
})
