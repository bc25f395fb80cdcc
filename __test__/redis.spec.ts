import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { describe, expect, inject, it, onTestFinished } from 'vitest'

import { RedisStorage, type RedisStorageOptions } from '../index.js'
import samples from '../testing/samples.js'
import { freePort } from './support/ports.js'
import { startRedis } from './support/redis-server.js'
import { versioned, versionOf } from './support/versions.mjs'

const { sample } = samples

function open(options: RedisStorageOptions) {
  const storage = new RedisStorage(options)
  onTestFinished(() => storage.close())
  return storage
}

/** A server that does `answer` to each connection. */
async function listen(answer: (socket: import('node:net').Socket) => void): Promise<number> {
  const sockets = new Set<import('node:net').Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    answer(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as import('node:net').AddressInfo).port
}

describe('keys', () => {
  it('hold the JSON text, and expire', async () => {
    const port = inject('redisPort')
    const prefix = `${randomUUID()}:`
    const client = new Redis(port)
    onTestFinished(async () => void (await client.quit()))
    await open({ port, prefix }).save(sample('a'))
    expect(await client.get(`${prefix}a`)).toBe(JSON.stringify(sample('a')))
    expect(await client.ttl(`${prefix}a`)).toBeGreaterThan(86_300)
    await open({ port, prefix, ttl: 100 }).save(sample('a'))
    expect(await client.ttl(`${prefix}a`)).toBeLessThanOrEqual(100)
    await open({ port, prefix, ttl: 0 }).save(sample('a'))
    expect(await client.ttl(`${prefix}a`)).toBe(-1)
    // No side index of keys is kept.
    expect(await client.keys(`${prefix}*`)).toEqual([`${prefix}a`])
  })

  it('begin with the documented prefix', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    await open({ port: server.port }).save(sample('a'))
    const client = new Redis(server.port)
    expect(await client.keys('*')).toEqual(['flowkit:a'])
    await client.quit()
  })

  it('live in the database that is asked for', async () => {
    const port = inject('redisPort')
    const prefix = `${randomUUID()}:`
    await open({ url: `redis://127.0.0.1:${port}/5`, prefix }).save(sample('a'))
    expect(await open({ port, prefix }).load('a')).toBeNull()
    expect(await open({ port, db: '5', prefix }).load('a')).toEqual(sample('a'))
  })

  it('of another type are corrupt, and replaced by the next save', async () => {
    const port = inject('redisPort')
    const prefix = `${randomUUID()}:`
    const client = new Redis(port)
    await client.lpush(`${prefix}a`, 'x')
    await client.set(`${prefix}b`, Buffer.from([0xff, 0xfe]))
    await client.quit()
    const storage = open({ port, prefix })
    await expect(storage.load('a')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT', cause: { code: 'WRONGTYPE' } })
    await expect(storage.load('b')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' })
    await storage.save(sample('a'))
    expect(await storage.load('a')).toEqual(sample('a'))
  })
})

describe('a server that goes away', () => {
  it('and comes back: order is kept and nothing acknowledged is lost', async () => {
    const server = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
    onTestFinished(() => server.stop())
    const storage = open({ port: server.port })
    const acknowledged = new Map<string, number>()
    let running = true
    const chains = Array.from({ length: 8 }, async (_, chain) => {
      const id = `chain-${chain}`
      for (let version = 1; running; version++) {
        await storage.save(versioned(id, version))
        acknowledged.set(id, version)
        expect(versionOf(id, await storage.load(id))).toBe(version)
      }
    })
    for (let crash = 0; crash < 5; crash++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      await server.crashAndRestart()
    }
    running = false
    await Promise.all(chains)
    for (const [id, version] of acknowledged) expect(versionOf(id, await storage.load(id))).toBe(version)
  })
})

describe('bad servers', () => {
  const bad: [string, () => Promise<RedisStorageOptions>, object][] = [
    [
      'nothing listens',
      async () => ({ port: await freePort() }),
      { code: 'ERR_STORAGE_UNAVAILABLE', retryable: true, cause: { code: 'ECONNREFUSED' } },
    ],
    ['no such socket', async () => ({ path: '/nonexistent/redis.sock' }), { code: 'ERR_STORAGE_UNAVAILABLE' }],
    [
      'accepts and never replies',
      async () => ({ port: await listen(() => {}) }),
      { code: expect.stringMatching(/^ERR_STORAGE_(UNAVAILABLE|TIMEOUT)$/), retryable: true },
    ],
    [
      'replies as a web server',
      async () => ({
        port: await listen((socket) => socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))),
      }),
      {
        code: 'ERR_STORAGE_INVALID_OPTIONS',
        retryable: false,
        message: expect.stringMatching(/speaks HTTP; is it a Redis server\?/),
      },
    ],
    [
      'hangs up at once',
      async () => ({ port: await listen((socket) => socket.end()) }),
      { code: 'ERR_STORAGE_UNAVAILABLE', retryable: true },
    ],
  ]
  for (const [name, options, expected] of bad) {
    it.concurrent(name, async () => {
      const storage = new RedisStorage(await options())
      const operations = [storage.save(sample('a')), storage.load('a'), storage.delete('a')]
      for (const outcome of await Promise.allSettled(operations)) {
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { name: 'StorageError', adapter: 'redis', ...expected },
        })
      }
      await storage.close()
    })
  }

  it('one that resets the connection is named in the cause', async () => {
    const port = await listen((socket) => socket.on('data', () => socket.resetAndDestroy()))
    const cause = { code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) }
    await expect(open({ port }).load('a')).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE', cause })
  })

  it('wrong passwords are denied at once, and shown nowhere', async () => {
    const server = await startRedis('--requirepass', 'correct-horse')
    onTestFinished(() => server.stop())
    const right = open({ url: `redis://:correct-horse@127.0.0.1:${server.port}` })
    await right.save(sample('a'))
    const wrong = [{ password: 'hunter2' }, { username: 'nobody', password: 'hunter2' }, {}]
    for (const options of wrong) {
      const storage = open({ port: server.port, ...options })
      for (const operation of [storage.save(sample('a')), storage.load('a')]) {
        const error = await operation.then(
          () => undefined,
          (reason) => reason,
        )
        expect(error).toMatchObject({
          code: 'ERR_STORAGE_DENIED',
          retryable: false,
          cause: { code: expect.stringMatching(/WRONGPASS|NOAUTH/) },
        })
        expect(inspect(error)).not.toContain('hunter2')
      }
    }
    expect(await right.load('a')).toEqual(sample('a'))
  })

  it('a full server refuses, and keeps what it has', async () => {
    const server = await startRedis('--maxmemory', '3mb', '--maxmemory-policy', 'noeviction')
    onTestFinished(() => server.stop())
    const storage = open({ port: server.port })
    await storage.save(sample('early'))
    let error: unknown
    for (let index = 0; index < 100 && error === undefined; index++) {
      const large = sample(`large-${index}`, { slots: { text: 'x'.repeat(200_000) } })
      error = await storage.save(large).then(
        () => undefined,
        (reason) => reason,
      )
    }
    expect(error).toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE', retryable: true, cause: { code: 'OOM' } })
    expect(await storage.load('early')).toEqual(sample('early'))
  })
})
