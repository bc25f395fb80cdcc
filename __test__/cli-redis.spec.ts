// The command line on a real Redis server.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { RedisStorage } from '../index.js'
import { cli } from './support/cli.js'
import { state } from './support/cli-stores.js'
import { type RedisServer, startRedis } from './support/redis-server.js'

describe('the command line on Redis', () => {
  let server: RedisServer
  let redis: Redis
  let url: string

  beforeAll(async () => {
    server = await startRedis('--requirepass', 'hunter2', '--appendonly', 'yes')
    redis = new Redis({ port: server.port, password: 'hunter2' })
    redis.on('error', () => {})
    url = `redis://:hunter2@127.0.0.1:${server.port}`
  })
  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })
  beforeEach(async () => {
    await redis.flushall()
    const storage = new RedisStorage({ url, ttl: 3_600 })
    for (const id of ['ana', 'over!', 'a\u001b[2J']) await storage.save(state(id, id.endsWith('!')))
    await storage.close()
  })

  it('lists through a socket', async () => {
    const open = await startRedis()
    try {
      const storage = new RedisStorage({ path: open.socket })
      await storage.save(state('ana'))
      await storage.close()
      expect(await cli(['ls', `unix:${open.socket}`, '--ids'])).toEqual({ code: 0, stdout: 'ana\n', stderr: '' })
      expect((await cli(['doctor', `unix:${open.socket}`])).code).toBe(3)
    } finally {
      await open.stop()
    }
  })

  it('lists, shows, counts and deletes, over TCP and from a variable', async () => {
    const ids = async (store: string, env = {}) =>
      (await cli(['ls', store, '--ids'], { env })).stdout.trim().split('\n').sort()
    const all = ['a\\u001b[2J', 'ana', 'over!']
    expect(await ids(url)).toEqual(all)
    expect(await ids('env:BOT_STORE', { BOT_STORE: url })).toEqual(all)
    expect(await ids(`${url}/1`)).toEqual([''])
    expect(await ids(`${url}?prefix=flowkit%3Aa`)).toEqual(['\\u001b[2J', 'na'])
    expect(await cli(['show', url, 'ana', '--json'])).toEqual({
      code: 0,
      stdout: await redis.get('flowkit:ana'),
      stderr: '',
    })
    const stats = JSON.parse((await cli(['stats', url, '--json'])).stdout)
    expect(stats).toMatchObject({ conversations: 3, ended: 1, expiring: 3, withoutAge: 3, oldest: null })
    expect(await cli(['rm', url, '-y', 'ana'])).toMatchObject({ code: 0, stderr: '1 conversation deleted.\n' })
    expect(await redis.exists('flowkit:ana')).toBe(0)
  })

  it('prunes by age only if the ttl of the bot is told', async () => {
    const untold = await cli(['prune', url, '--older-than', '0s', '--yes'])
    expect(untold.code).toBe(0)
    expect(untold.stderr).toContain('0 conversations deleted, 0 kept, 3 of unknown age kept.\n')
    expect(untold.stderr).toContain('the parameter ttl')
    const young = await cli(['prune', `${url}?ttl=3600`, '--older-than', '1h', '--yes'])
    expect(young.stderr).toBe('0 conversations deleted, 3 kept.\n')
    await new Promise((resolve) => setTimeout(resolve, 20))
    const ended = await cli(['prune', `${url}?ttl=3600`, '--older-than', '0s', '--ended', '--yes'])
    expect(ended.stderr).toBe('1 conversation deleted, 2 kept.\n')
    expect((await redis.keys('*')).sort()).toEqual(['flowkit:a\u001b[2J', 'flowkit:ana'])
  })

  const found = async (store = url) => {
    const { code, stdout } = await cli(['doctor', store, '--json'])
    const findings = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    return {
      code,
      problems: findings.filter(({ level }) => level === 'problem').map(({ code, examples }) => [code, ...examples]),
    }
  }

  it('finds nothing wrong with a server that is set up well', async () => {
    expect(await found()).toEqual({ code: 0, problems: [] })
  })

  it("finds keys of other types, without expiry and corrupt ones, and leaves another program's alone", async () => {
    await redis.hset('flowkit:h\u001b', 'a', '1')
    await redis.lpush('flowkit:list', '1')
    await redis.set('flowkit:bad', '{', 'EX', 100)
    await redis.set('flowkit:lasting', JSON.stringify(state('lasting')))
    await redis.set('other', '1')
    const { code, problems } = await found()
    expect(code).toBe(3)
    expect(problems.map(([code, ...examples]) => [code, ...examples.sort()])).toEqual([
      ['type', 'flowkit:h\u001b (hash)', 'flowkit:list (list)'],
      ['corrupt', 'bad'],
      ['lasting'],
    ])
    expect((await cli(['ls', url, '--ids'])).stdout.trim().split('\n').sort()).toEqual([
      'a\\u001b[2J',
      'ana',
      'bad',
      'lasting',
      'over!',
    ])
    expect((await cli(['show', url, 'list'])).code).toBe(1)
    expect((await cli(['prune', `${url}?ttl=3600`, '--older-than', '0s', '--yes'])).code).toBe(0)
    expect(await redis.exists('flowkit:h\u001b', 'flowkit:list', 'other', 'flowkit:lasting')).toBe(4)
  })

  it('finds a server that forgets: by its policy, or at a restart', async () => {
    try {
      await redis.config('SET', 'maxmemory', '100mb')
      await redis.config('SET', 'maxmemory-policy', 'volatile-lru')
      await redis.config('SET', 'appendonly', 'no')
      expect((await found()).problems).toEqual([['policy'], ['persistence']])
    } finally {
      await redis.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction', 'appendonly', 'yes')
    }
  })

  it('asks a server that does not tell everything', async () => {
    await redis.call('ACL', 'SETUSER', 'bot', 'on', '>hunter3', '~*', '&*', '+@all', '-config', '-info')
    const store = `redis://bot:hunter3@127.0.0.1:${server.port}`
    expect(await found(store)).toEqual({ code: 0, problems: [] })
  })

  it.each([
    ['a wrong password', () => `redis://:hunter4@127.0.0.1:${server.port}`, /WRONGPASS/],
    ['a database that is not there', () => `${url}/99`, /DB index is out of range/],
    ['no server', () => 'redis://u:hunter4@127.0.0.1:1', /ECONNREFUSED/],
  ])('says so of %s, and no password', async (_what, store, message) => {
    const { code, stdout, stderr } = await cli(['doctor', store()])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/hunter/)
  })
})
