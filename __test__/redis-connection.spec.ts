// The channel and the log lines of a storage's own connection, on a real server that is killed.
import { spawnSync } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished, vi } from 'vitest'

import { type ConnectionMessage, RedisStorage } from '../index.js'
import samples from '../testing/samples.js'
import { freePort } from './support/ports.js'
import { startRedis } from './support/redis-server.js'

const { sample } = samples
const PASSWORD = 'correct horse'

function follow() {
  const messages: ConnectionMessage[] = []
  const note = (message: unknown) => void messages.push(message as ConnectionMessage)
  channel('flowkit-storage:connection').subscribe(note)
  onTestFinished(() => void channel('flowkit-storage:connection').unsubscribe(note))
  return messages
}

it('a server that is killed and comes back is told, with how long it took', async () => {
  const server = await startRedis('--requirepass', PASSWORD)
  onTestFinished(() => server.stop())
  const lines: [level: string, message: string, meta: unknown][] = []
  const logger = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (message: string, meta: unknown) => void lines.push([level, message, meta]),
    ]),
  )
  const messages = follow()
  const storage = new RedisStorage({ port: server.port, password: PASSWORD, db: 3, prefix: 'p:', logger })
  onTestFinished(() => storage.close())
  await storage.save(sample('a'))
  expect(messages).toEqual([])
  await server.kill()
  await vi.waitFor(() => expect(messages).toHaveLength(1), 60_000)
  await server.restart()
  await storage.save(sample('a'))
  await vi.waitFor(() => expect(messages).toHaveLength(2), 60_000)
  const place = { database: 3, serverAddress: 'localhost', serverPort: server.port, collection: 'p:' }
  const common = { ...place, serverAddress: expect.any(String) }
  expect(messages).toEqual([
    { adapter: 'redis', ...common, state: 'lost', reason: expect.stringContaining('connection') },
    { adapter: 'redis', ...common, state: 'back', ms: expect.any(Number) },
  ])
  expect(messages[1]?.ms).toBeGreaterThan(0)
  // Each time (redis/node-redis#3438: the second time nobody was told), and not by a close.
  await server.kill()
  await vi.waitFor(() => expect(messages).toHaveLength(3), 60_000)
  await server.restart()
  await storage.save(sample('a'))
  await vi.waitFor(() => expect(messages).toHaveLength(4), 60_000)
  expect(messages.map(({ state }) => state)).toEqual(['lost', 'back', 'lost', 'back'])
  await storage.close()
  expect(messages).toHaveLength(4)
  expect(lines.slice(0, 2)).toEqual([
    ['warn', 'redis storage: there is no connection to the server', { ...common, reason: messages[0]?.reason }],
    ['info', 'redis storage: the connection to the server is back', { ...common, ms: messages[1]?.ms }],
  ])
  expect(JSON.stringify([messages, lines])).not.toContain(PASSWORD)
})

it('a server that is not there is told once, however often it is tried', async () => {
  const port = await freePort()
  const messages = follow()
  const storage = new RedisStorage({ port })
  const loaded = storage.load('a').catch((error) => error.code)
  expect(await loaded).toBe('ERR_STORAGE_UNAVAILABLE')
  expect(messages.map(({ state }) => state)).toEqual(['lost'])
  await storage.close()
})

it('a wrong password is told, and not shown', async () => {
  const server = await startRedis('--requirepass', PASSWORD)
  onTestFinished(() => server.stop())
  const messages = follow()
  const storage = new RedisStorage({ port: server.port, password: 'a wrong guess' })
  onTestFinished(() => storage.close())
  for (let n = 0; n < 3; n++) await storage.load('a').catch(() => {})
  await vi.waitFor(() => expect(messages.map(({ state }) => state)).toEqual(['lost']), 60_000)
  expect(JSON.stringify(messages)).not.toMatch(/a wrong guess|correct horse/)
})

it('a storage that somebody listens to keeps no process alive', async () => {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  const program = `
    const { channel } = require('node:diagnostics_channel')
    const { RedisStorage } = require('./index.js')
    channel('flowkit-storage:connection').subscribe(() => {})
    new RedisStorage({ port: ${server.port}, logger: console }).load('a').then(() => console.log('done'))
  `
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, ['-e', program], { cwd, encoding: 'utf8', timeout: 30_000 })
  expect([status, stdout]).toEqual([0, 'done\n'])
})
