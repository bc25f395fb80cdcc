import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, it, onTestFinished } from 'vitest'

import { RedisStorage } from '../index.js'
import samples from '../testing/samples.js'
import { becomesNative, connected, MAJORS, ours, patiently, prefix, server } from './support/ioredis.js'
import { startProxy } from './support/proxy.js'
import { eventually } from './support/waiting.js'

const { sample } = samples

describe.each(MAJORS)('beside ioredis $major', ({ Ioredis }) => {
  it('a server with no room for one more connection is served over the client', async () => {
    const { port } = await server('--maxclients', '2')
    const admin = connected(new Ioredis({ port }))
    const client = connected(new Ioredis({ port }))
    await Promise.all([admin.ping(), client.ping()])
    const storage = new RedisStorage({ client })
    for (let number = 0; number < 20; number++) {
      await storage.save(sample('a', { number }))
      expect(await storage.load('a')).toEqual(sample('a', { number }))
    }
    expect(storage).toMatchObject({ mode: 'inline', modeReason: expect.any(String) })
    await admin.config('SET', 'maxclients', '100')
    await becomesNative(storage)
  })

  it('a killed connection, ours or the client’s, is nobody’s error', async () => {
    const { port } = await server()
    const admin = connected(new Ioredis({ port }))
    const client = connected(new Ioredis({ port }))
    await client.ping()
    const storage = new RedisStorage({ client })
    await storage.save(sample('a'))
    await becomesNative(storage)
    const [own] = await ours(admin, client)
    for (const id of [/^id=(\d+)/.exec(own ?? '')?.[1] ?? '', String(await client.client('ID'))]) {
      const burst = Array.from({ length: 200 }, (_, number) => storage.save(sample('a', { number })))
      await admin.client('KILL', 'ID', id)
      await Promise.all(burst)
      expect(await storage.load('a')).toEqual(sample('a', { number: 199 }))
    }
    await becomesNative(storage)
  })

  it('a server that wakes up late does not bring old states back', async () => {
    const redis = await server()
    // The time without a reply after which the connection is given up is at most the client's.
    const client = connected(new Ioredis({ port: redis.port, commandTimeout: 300 }))
    await patiently(() => client.ping())
    const storage = new RedisStorage({ client })
    await patiently(() => storage.save(sample('a', { number: 0 })))
    for (let round = 1; round <= 5; round++) {
      redis.process.kill('SIGSTOP')
      const old = storage.save(sample('a', { number: -round })).catch((error) => error)
      await sleep(500)
      redis.process.kill('SIGCONT')
      const outcome = await old
      if (outcome !== undefined) expect(outcome).toMatchObject({ code: 'ERR_STORAGE_TIMEOUT', retryable: true })
      await patiently(() => storage.save(sample('a', { number: round })))
      await sleep(50)
      expect(await patiently(() => storage.load('a'))).toEqual(sample('a', { number: round }))
    }
  })

  it('a write without a reply that the client is refused is in doubt, and one that was never sent is not', async () => {
    const { port } = await server()
    const admin = connected(new Ioredis({ port }))
    const line = await startProxy(port)
    onTestFinished(() => line.close())
    const client = connected(new Ioredis({ port: line.port }))
    await client.ping()
    const storage = new RedisStorage({ client })
    await storage.save(sample('a'))
    await becomesNative(storage)
    line.cut(true)
    const writes = [storage.save(sample('a')), storage.delete('a')]
    const load = storage.load('a')
    await eventually('they have left', () => line.held() > 0)
    await admin.replicaof('127.0.0.1', 1)
    line.drop()
    for (const write of writes) {
      await expect(write).rejects.toMatchObject({
        code: 'ERR_STORAGE_TIMEOUT',
        message: expect.stringMatching(/read-only replica.*; whether it took effect is unknown\.$/),
        cause: { message: expect.stringMatching(/^READONLY/) },
      })
    }
    expect(await load).toEqual(sample('a'))
    await expect(storage.save(sample('a'))).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' })
  })

  it('10,000 un-awaited operations keep their order while sides change', async () => {
    const client = connected(new Ioredis({ port: inject('redisPort') }))
    await client.ping()
    const storage = new RedisStorage({ client, prefix: prefix() })
    const replaced = client.get
    const started: Promise<unknown>[] = []
    for (let number = 0; number < 10_000; number++) {
      // Every few hundred operations a spy appears or goes.
      if (number % 300 === 0) client.get = ((key: string) => replaced.call(client, key)) as never
      if (number % 300 === 150) Reflect.deleteProperty(client, 'get')
      started.push(storage.save(sample('a', { number })))
      started.push(storage.load('a').then((state) => expect(state).toEqual(sample('a', { number }))))
      if (number % 100 === 0) await sleep(0)
    }
    await Promise.all(started)
    await storage.close()
  })
})
