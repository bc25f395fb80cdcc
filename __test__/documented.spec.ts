import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished, vi } from 'vitest'

import { FlowEngine } from '../examples/engine.mjs'
import { pizza } from '../examples/pizza.mjs'
import type { StorageAdapter } from '../index.js'
import { sample } from '../testing/samples.js'
import { type PostgresServer, startPostgres } from './support/postgres-server.js'
import { startRedis } from './support/redis-server.js'
import { temporaryDirectory } from './support/subjects.js'
import * as snippets from './types/documented.js'

const before = process.cwd()
let dir: string

beforeEach(async () => {
  dir = await temporaryDirectory()
  process.chdir(dir)
})
afterEach(() => {
  process.chdir(before)
  vi.unstubAllEnvs()
})

async function roundTrip(storage: StorageAdapter, id: string): Promise<void> {
  expect(await storage.load(id)).toBe(null)
  await storage.save(sample(id))
  expect(await storage.load(id)).toEqual(sample(id))
  await storage.save(sample(id, { ended: true }))
  expect((await storage.load(id))?.ended).toBe(true)
  await storage.delete(id)
  expect(await storage.load(id)).toBe(null)
  await storage.save(sample(id))
}

describe('a snippet of the documentation runs', () => {
  it('new MemoryStorage()', () => roundTrip(snippets.memory().storage, 'user-1'))

  it('new FileStorage({ dir, pretty })', async () => {
    await roundTrip(snippets.file().storage, 'user-1')
    const text = readFileSync(join(dir, 'data/conversations/user-1.json'), 'utf8')
    expect(text).toBe(JSON.stringify(sample('user-1'), null, 2))
  })

  it('new RedisStorage({ client, prefix, ttl })', async () => {
    vi.stubEnv('REDIS_URL', `redis://127.0.0.1:${inject('redisPort')}`)
    const { storage, client } = snippets.redis()
    onTestFinished(() => void client.disconnect())
    const id = snippets.sessionIds('7')
    expect(id).toMatch(/^user-7-\d+$/)
    await roundTrip(storage, id)
    expect(JSON.parse((await client.get(`flowkit:${id}`)) as string)).toEqual(sample(id))
    const left = await client.ttl(`flowkit:${id}`)
    expect(left).toBeGreaterThan(3590)
    expect(left).toBeLessThanOrEqual(3600)
    await storage.delete(id)
  })

  it('new SQLiteStorage({ db, table })', async () => {
    mkdirSync('data')
    const { storage, db } = snippets.sqlite()
    onTestFinished(() => void db.close())
    expect(db).toBeInstanceOf(Database)
    await roundTrip(storage, 'user-1')
    expect(db.prepare('SELECT id FROM conversations').all()).toEqual([{ id: 'user-1' }])
  })

  it('new RedisStorage({ ttl }), with an hour instead of a day', () => {
    expect(snippets.ttl()).toHaveProperty('load')
  })

  // The default port is taken elsewhere; but Linux has a whole network of loopback addresses.
  it.runIf(process.platform === 'linux')(
    'new FlowEngine(flow, { llm, storage: new RedisStorage({ host, ttl }) })',
    async () => {
      const host = `127.${process.pid % 200}.77.3`
      const server = await startRedis('--port', '6379', '--bind', host)
      onTestFinished(() => server.stop())
      vi.stubEnv('REDIS_HOST', host)
      const engine = snippets.usage(FlowEngine, pizza, {})
      await engine.start('user-1')
      await engine.handle('user-1', 'Ana')
      const client = new Redis({ host })
      onTestFinished(() => void client.disconnect())
      expect(await client.ttl('flowkit:user-1')).toBeGreaterThan(3590)
      const { slots, name, state } = await snippets.accessingState(engine, 'user-1')
      expect(slots).toEqual({ user_name: 'Ana' })
      expect(name).toBe('Ana')
      expect(state).toMatchObject({
        conversationId: 'user-1',
        slots: { user_name: 'Ana', verified: true },
        ended: false,
      })
      expect(await client.exists('flowkit:user-1')).toBe(0)
    },
  )

  it('new RedisStorage({ host: process.env.REDIS_HOST }) where the variable is not set', () => {
    vi.stubEnv('REDIS_HOST', undefined)
    expect(snippets.usage(FlowEngine, pizza, {})).toBeInstanceOf(FlowEngine)
  })

  describe('class PostgresStorage implements StorageAdapter', () => {
    let server: PostgresServer
    beforeAll(async () => {
      server = await startPostgres()
    })
    afterAll(() => server?.stop())

    it('keeps an ordinary conversation', async () => {
      const pool = server.openPool()
      await pool.query('CREATE TABLE conversations (id TEXT PRIMARY KEY, state JSONB, updated_at TIMESTAMPTZ)')
      await roundTrip(new snippets.PostgresStorage(pool), 'user-1')
      await pool.end()
    })
  })
})
