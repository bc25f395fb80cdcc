import { X509Certificate } from 'node:crypto'
import { inspect } from 'node:util'
import { expect, onTestFinished } from 'vitest'

import { RedisStorage, type RedisStorageOptions, type RedisTlsOptions } from '../../index.js'
import samples from '../../testing/samples.js'
import type { Authority, Identity } from './certificates.js'
import { startTlsRedis } from './redis-tls-server.js'

const { sample } = samples

/** Closed after the test. */
export function open(options: RedisStorageOptions) {
  const storage = new RedisStorage(options)
  onTestFinished(() => storage.close())
  return storage
}

/** Stopped after the test. */
export async function start(identity: Identity, ...rest: [clients?: Authority, ...args: string[]]) {
  const server = await startTlsRedis(identity, ...rest)
  onTestFinished(() => server.stop())
  return server
}

/** A server with one certificate, and a storage at it. */
export async function openAt(identity: Identity, tls: RedisTlsOptions, host = '127.0.0.1') {
  return open({ host, port: (await start(identity)).tlsPort, tls })
}

/** A round trip. */
export async function works(storage: RedisStorage) {
  await storage.save(sample('a'))
  expect(await storage.load('a')).toEqual(sample('a'))
}

/** Fails a load at once, and shows nothing secret. */
export async function refusal(storage: RedisStorage) {
  const error = await storage.load('a').then(
    () => undefined,
    (reason) => reason,
  )
  expect(inspect(error, { depth: 9 })).not.toMatch(/-----BEGIN|MII[A-Za-z0-9+/]{20}|hunter2/)
  return error
}

/** The result of `refusal` if the server, or its certificate, will not do. */
export const denied = (code: string | undefined, message: RegExp) => ({
  code: 'ERR_STORAGE_DENIED',
  retryable: false,
  message: expect.stringMatching(message),
  cause: code === undefined ? expect.any(Error) : expect.objectContaining({ code }),
})

/** Of X.509. */
export function versionOf({ cert }: Identity) {
  // The version follows two headers of four bytes; version 1 leaves it out.
  return new X509Certificate(cert).raw.subarray(8, 13).toString('hex') === 'a003020102' ? 3 : 1
}
