// What a program, tracing or encryption puts between the client's methods and the server is not passed by.
import type { Redis as Ioredis5 } from 'ioredis'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'

import { RedisStorage } from '../index.js'
import samples from '../testing/samples.js'
import { becomesNative, connected, MAJORS, patiently, prefix, server } from './support/ioredis.js'
import { LONG } from './support/waiting.js'

const { sample } = samples

interface Transformers {
  setArgumentTransformer(name: string, transform?: (args: string[]) => string[]): void
  setReplyTransformer(name: string, transform?: (reply: string | null) => unknown): void
}

const seal = (text: string) => `sealed:${Buffer.from(text).toString('base64')}`
const unseal = (text: string | null) => text && Buffer.from(text.slice('sealed:'.length), 'base64').toString()

describe.each(MAJORS)('beside ioredis $major', ({ Ioredis }) => {
  const connect = async (options = {}) => {
    const client = connected(new Ioredis({ port: inject('redisPort'), ...options }))
    await client.ping()
    return client
  }
  const Command = (Ioredis as unknown as { Command: Transformers }).Command

  it('transformers keep operations on the client, as long as there are any', async () => {
    const client = await connect()
    const start = prefix()
    const storage = new RedisStorage({ client, prefix: start })
    await storage.save(sample('before'))
    await becomesNative(storage)
    onTestFinished(() => {
      Command.setArgumentTransformer('set', undefined)
      Command.setReplyTransformer('get', undefined)
    })
    Command.setArgumentTransformer('set', ([key = '', text = '', ...rest]) => [key, seal(text), ...rest])
    Command.setReplyTransformer('get', unseal)
    expect(storage).toMatchObject({ mode: 'inline', modeReason: expect.stringMatching(/Transformer/) })
    await storage.save(sample('a'))
    expect(await client.getBuffer(`${start}a`)).toEqual(expect.anything())
    expect(await storage.load('a')).toEqual(sample('a'))
    Command.setReplyTransformer('get', undefined)
    expect(await client.get(`${start}a`)).toBe(seal(JSON.stringify(sample('a'))))
    expect(storage.mode).toBe('inline')
    Command.setArgumentTransformer('set', undefined)
    await becomesNative(storage)
    expect(await storage.load('before')).toEqual(sample('before'))
  })

  it.each(['set', 'get', 'del', 'exists'])('a transformer of %s, of arguments or replies, is seen', async (name) => {
    const storage = new RedisStorage({ client: await connect(), prefix: prefix() })
    for (const method of ['setArgumentTransformer', 'setReplyTransformer'] as const) {
      // biome-ignore lint/suspicious/noExplicitAny: arguments of one, a reply of the other
      Command[method](name, (value: any) => value)
      onTestFinished(() => Command[method](name, undefined))
      expect(storage.mode).toBe('inline')
      Command[method](name, undefined)
      await becomesNative(storage)
    }
    Command.setReplyTransformer('hgetall', (reply) => reply)
    await becomesNative(storage)
  })

  it('sendCommand wrapped on the prototype, as tracing does it, sees every command', async () => {
    const client = await connect()
    const storage = new RedisStorage({ client, prefix: prefix() })
    await storage.save(sample('a'))
    await becomesNative(storage)
    const { sendCommand } = Ioredis.prototype
    const seen: string[] = []
    const wrap = () => {
      Ioredis.prototype.sendCommand = function (this: Ioredis5, ...args: Parameters<Ioredis5['sendCommand']>) {
        seen.push(args[0].name)
        return sendCommand.apply(this, args)
      }
    }
    onTestFinished(() => {
      Ioredis.prototype.sendCommand = sendCommand
    })
    wrap()
    // Both a client from before and one from after.
    for (const traced of [client, await connect()]) {
      seen.length = 0
      const wrapped = new RedisStorage({ client: traced, prefix: prefix() })
      expect(wrapped).toMatchObject({ mode: 'inline', modeReason: expect.stringMatching(/sendCommand/) })
      await wrapped.save(sample('a'))
      expect(seen).toContain('set')
    }
    Ioredis.prototype.sendCommand = sendCommand
    await becomesNative(storage)
  })

  it.each<[string, (client: Ioredis5) => void]>([
    ['exists', (client) => vi.spyOn(client, 'exists')],
    ['defineCommand', (client) => client.defineCommand('set', { lua: 'return "OK"', numberOfKeys: 1 })],
    [
      'a subclass',
      (client) => Object.setPrototypeOf(client, Object.create(Ioredis.prototype, { get: { value: get } })),
    ],
  ])('a command replaced by %s stays on the client', async (_name, replace) => {
    const client = await connect()
    const storage = new RedisStorage({ client, prefix: prefix() })
    await storage.save(sample('a'))
    await becomesNative(storage)
    replace(client)
    expect(storage).toMatchObject({ mode: 'inline', modeReason: expect.stringMatching(/replaced/) })
  })

  it('a call of the user’s own, which throws, stops nothing when a connection is given up', async () => {
    const redis = await server()
    const client = connected(new Ioredis({ port: redis.port, commandTimeout: 300 }))
    await patiently(() => client.ping())
    const storage = new RedisStorage({ client })
    await patiently(() => storage.save(sample('a')))
    await becomesNative(storage)
    const call = vi.spyOn(client, 'call').mockImplementation(() => {
      throw new Error('mine')
    })
    redis.process.kill('SIGSTOP')
    const save = storage.save(sample('a', { step: 1 })).catch(({ code }) => code)
    await vi.waitFor(() => expect(call).toHaveBeenCalled(), { timeout: LONG })
    redis.process.kill('SIGCONT')
    expect([undefined, 'ERR_STORAGE_TIMEOUT']).toContain(await save)
    await patiently(() => storage.save(sample('a', { step: 2 })))
    expect(await patiently(() => storage.load('a'))).toEqual(sample('a', { step: 2 }))
  })

  it('auto-pipelining keeps the order, also of commands that it ignores', async () => {
    for (const mode of ['auto', 'inline'] as const) {
      const client = await connect({ enableAutoPipelining: true, autoPipeliningIgnoredCommands: ['get'] })
      const storage = new RedisStorage({ client, prefix: prefix(), mode })
      for (let step = 0; step < 20; step++) {
        storage.save(sample('a', { step }))
        expect(await storage.load('a')).toEqual(sample('a', { step }))
      }
    }
  })
})

async function get() {
  return null
}
