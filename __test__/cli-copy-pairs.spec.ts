import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { cli, copyHere, fill, isThere, makePlace, type Place, readAll, run, type Way } from './support/copies.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { sleep } from './support/waiting.js'

const COUNT = Number(process.env.FLOWKIT_COPY_COUNT ?? 300)
const KILLS = Number(process.env.FLOWKIT_COPY_KILLS ?? 1)
/** In ms. More conversations than usual take longer. */
const timeout = 300_000 * Math.max(1, COUNT / 1_000)
const WAYS: Way[] = ['memory', 'files', 'SQLite', 'Redis']

/** By how much an age may differ. Redis keeps the time that is left, which passes on the way. The ages here differ by hours. */
const ON_THE_WAY = 60_000

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

/** Waits until `share` of the conversations are there, or the copy has ended. */
async function copied(to: Place, share: number, hasEnded: () => boolean): Promise<void> {
  while (!hasEnded() && !isThere(to)) await sleep(1)
  const storage = to.open()
  while (!hasEnded() && (await storage.count().catch(() => 0)) < COUNT * share) await sleep(1)
}

/** Begins a copy and ends it halfway. Returns whether it was under way. */
async function interrupt(from: Place, to: Place, share: number): Promise<boolean> {
  let hasEnded = false
  const end = () => (hasEnded = true)
  if (from.address === undefined || to.address === undefined) {
    const abort = new AbortController()
    const copy = copyHere(from.open(), to.open(), abort.signal).finally(end)
    const reason = new Error('killed')
    await copied(to, share, () => hasEnded)
    abort.abort(reason)
    return copy.then(
      () => false,
      (error) => {
        expect(error).toBe(reason)
        return true
      },
    )
  }
  const { child, ended } = run(['copy', from.address, to.address])
  ended.then(end)
  await copied(to, share, () => hasEnded)
  child.kill('SIGKILL')
  return (await ended).signal === 'SIGKILL'
}

describe.each(WAYS.flatMap((from) => WAYS.map((to) => ({ from, to }))))('from $from to $to', (ways) => {
  it('copies byte for byte and as old as it is, and goes on where it was killed', { timeout }, async () => {
    const [from, to] = [await makePlace(ways.from, server.port), await makePlace(ways.to, server.port)]
    const source = from.open()
    await fill(source, COUNT)
    let killed = 0
    for (let kill = 1; kill <= KILLS; kill++) killed += Number(await interrupt(from, to, kill / (KILLS + 1)))
    if (from.address === undefined || to.address === undefined) {
      expect(await copyHere(source, to.open())).toBe(0)
    } else {
      const last = await cli(['copy', from.address, to.address, '--check'])
      expect(last).toMatchObject({ code: 0, stdout: '' })
      expect(last.stderr).toContain(`Checked: ${COUNT.toLocaleString('en-US')} equal.`)
      // Once more, nothing is left to do.
      expect((await cli(['copy', from.address, to.address])).stderr).toMatch(/^0 copied,/)
      expect(await cli(['check', from.address, to.address])).toMatchObject({ code: 0, stdout: '' })
    }
    const [before, after] = [await readAll(source), await readAll(to.open())]
    expect(after.size).toBe(COUNT)
    let apart = 0
    for (const [id, { text, updatedAt }] of before) {
      const there = after.get(id)
      if (there?.text !== text) expect({ id, text: there?.text }).toEqual({ id, text })
      apart = Math.max(apart, Math.abs((there?.updatedAt ?? 0) - (updatedAt ?? 0)))
    }
    expect(apart).toBeLessThan(ON_THE_WAY)
    if (ways.from !== 'Redis' && ways.to !== 'Redis') expect(apart).toBe(0)
    if (process.env.FLOWKIT_VERBOSE) console.log(`${ways.from} to ${ways.to}: killed ${killed}, ages ${apart} ms apart`)
  })
})
