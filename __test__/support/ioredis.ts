import { randomUUID } from 'node:crypto'
import { Redis as Ioredis5 } from 'ioredis'
import { Redis as Ioredis6 } from 'ioredis6'
import { onTestFinished } from 'vitest'

import type { RedisStorage } from '../../index.js'
import { type RedisServer, startRedis } from './redis-server.js'
import { eventually } from './waiting.js'

/** Both majors of ioredis, with the types of one. */
export const MAJORS = [
  { major: 5, Ioredis: Ioredis5 },
  { major: 6, Ioredis: Ioredis6 as unknown as typeof Ioredis5 },
]

/** A server until the end of the test. */
export async function server(...args: string[]): Promise<RedisServer> {
  const started = await startRedis(...args)
  onTestFinished(() => started.stop())
  return started
}

/** Disconnects at the end of the test. */
export function connected<T extends Ioredis5>(client: T): T {
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

/** Waits until our own connection is used. While it is being made, a busy machine has operations go over the client. */
export async function becomesNative(storage: RedisStorage): Promise<void> {
  await eventually(`native, but ${storage.modeReason}`, async () => {
    if (storage.mode !== 'native') await storage.load('nobody')
    return storage.mode === 'native'
  })
}

/** Repeats what ended in time-outs, as a user does: the limits of the client may pass while a machine is busy. */
export async function patiently<T>(act: () => Promise<T>): Promise<T> {
  let end: Promise<T> | undefined
  await eventually('done within the time of the client', async () => {
    try {
      end = Promise.resolve(await act())
    } catch (error) {
      if (isLate(error as Error & { code?: string })) return false
      end = Promise.reject(error)
    }
    return true
  })
  return end as Promise<T>
}

function isLate({ code, message }: Error & { code?: string }): boolean {
  return code === 'ERR_STORAGE_TIMEOUT' || message.includes('timed out')
}

/** One of its own for each test. */
export function prefix() {
  return `${randomUUID()}:`
}

/** The server's connections, from CLIENT LIST, that are not those of the test's own `clients`; the first of them asks. */
export async function ours(...clients: Ioredis5[]) {
  const known = await Promise.all(clients.map(async (client) => `id=${await client.client('ID')} `))
  const list = (await clients[0]?.client('LIST')) as string
  return list.split('\n').filter((line) => line !== '' && !known.some((id) => line.startsWith(id)))
}
