import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished, type TestContext } from 'vitest'

import { cli, fill, makeDirectory, makePlace, readAll, run } from './support/copies.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { eventually } from './support/waiting.js'

const COUNT = 1_000

let server: RedisServer
beforeAll(async () => {
  server = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
})
afterAll(() => server.stop())

/** Mounts a volume of 2 MB in memory. Skips the test if that is impossible here. */
async function smallVolume(context: TestContext): Promise<string> {
  const dir = await makeDirectory()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir], { encoding: 'utf8' })
  if (mounted.status !== 0) context.skip(`cannot mount here: ${mounted.error?.message ?? mounted.stderr}`)
  onTestFinished(() => void spawnSync('umount', ['--lazy', dir]))
  return dir
}

it.for(['store', 'store.db'])(
  'to a full disk, %s: it stops with clear words, and goes on when there is room',
  async (name, context) => {
    const dir = await smallVolume(context)
    const ballast = join(dir, 'ballast')
    writeFileSync(ballast, Buffer.alloc(1_200_000))
    const from = await makePlace('files')
    await fill(from.open(), 200)
    const words = ['copy', from.address as string, join(dir, name)]
    const full = await cli(words)
    expect(full.code).toBe(4)
    expect(full.stderr).toMatch(/no space|full/)
    expect(full.stderr).toContain('Error: Stopped, since the rest would fail as well. Run it again')
    // What is there is whole.
    const there = await cli(['check', join(dir, name), from.address as string])
    expect(there.stdout).not.toMatch(/^[*+!]/m)
    rmSync(ballast)
    expect(await cli([...words, '--check'])).toMatchObject({ code: 0 })
  },
)

it('to a Redis server that goes away: it stops at once, and goes on when that is back', async () => {
  const [from, to] = [await makePlace('SQLite'), await makePlace('Redis', server.port)]
  await fill(from.open(), COUNT)
  const words = ['copy', from.address as string, to.address as string]
  const { ended } = run(words)
  await eventually('something is copied', async () => (await to.open().count()) > 0, { every: 1 })
  await server.kill()
  const { code, stderr } = await ended
  expect(code).toBe(4)
  expect(stderr).toMatch(/cannot be reached|connection/)
  expect(stderr).toContain('Stopped, since the rest would fail as well.')
  await server.restart()
  expect(await cli([...words, '--check'])).toMatchObject({ code: 0 })
  expect((await readAll(to.open())).size).toBe(COUNT)
})

it('from a Redis server that goes away: it fails, and goes on when that is back', async () => {
  const [from, to] = [await makePlace('Redis', server.port), await makePlace('SQLite')]
  await fill(from.open(), COUNT)
  const words = ['copy', from.address as string, to.address as string, '--concurrency', '2']
  const { ended } = run(words)
  const storage = to.open()
  await eventually('something is copied', async () => (await storage.count()) > 0, { every: 1 })
  await server.kill()
  const { code, stderr } = await ended
  expect({ code, stderr }).toEqual({ code: expect.toBeOneOf([1, 4]), stderr: expect.stringMatching(/^\d+ copied/m) })
  expect(stderr).toContain('Error: ')
  await server.restart()
  expect(await cli([...words, '--check'])).toMatchObject({ code: 0 })
  expect((await readAll(storage)).size).toBe(COUNT)
})
