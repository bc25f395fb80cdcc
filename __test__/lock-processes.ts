import { expect, it } from 'vitest'

import type { LockingStorage } from '../testing/case.js'
import { countCases, fresh } from './lock-counters.js'
import { runChild, startChild } from './support/child.js'
import { openPlace, type Place } from './support/open.mjs'
import type { Subject } from './support/subjects.js'
import { LONG, sleep } from './support/waiting.js'

const KILLS = Number(process.env.FLOWKIT_LOCK_KILLS ?? 5)

/** How long conversations are deleted beside writers, in ms. */
const ZOMBIES = Number(process.env.FLOWKIT_LOCK_ZOMBIES ?? 3_000)

/** Messages that come to see whether they keep their order. Set by hand on a machine that does nothing else, at most 2 % may be overtaken. */
const STRICT = Number(process.env.FLOWKIT_LOCK_MESSAGES ?? 0)
const MESSAGES = STRICT || 60

/**
 * Whoever had not heard of somebody may pass, once. On a busy machine a process may lose its place while it stands still. Where
 * everybody polls on its own, four of five are overtaken, by up to 89.
 */
const MOST_OVERTAKEN = STRICT ? STRICT / 50 : MESSAGES / 4

/** Messages that come within so many ms come at once: until then one is on its way to the store, whose clock counts in ms. */
const AT_ONCE = 3

/** How long the place of one that says nothing is kept in a line, in ms. */
const KEPT = 500

/** The shortest that there is, in ms. */
const LEASE = 1_000

/** The longest that a call may wait on a busy machine. The locks themselves are had much sooner. */
const WAIT = { wait: 60_000 }

type Storage = LockingStorage & { close(): Promise<void> }

const open = (place: Place) => openPlace(place) as unknown as Storage

async function slotsOf(storage: Storage): Promise<{ n: number; log: unknown[] }> {
  return ((await storage.load('u')) as unknown as ReturnType<typeof fresh>).slots
}

const add = (state: ReturnType<typeof fresh>) => {
  state.slots.n += 10
}

/** Returns how often a conversation was deleted beside three writers, and how often something of it came back. */
export async function zombies(
  { runtime }: Pick<Subject, 'runtime'>,
  argument: { place: Place; milliseconds: number; remove?: string; enough?: number },
): Promise<{ deletes: number; zombies: number }> {
  const options = { ...runtime, timeout: argument.milliseconds + LONG }
  const writers = [1, 2, 3].map((name) => startChild('lock-zombies.mjs', { ...argument, role: 'write', name }, options))
  const { code, stdout, stderr } = await runChild('lock-zombies.mjs', { ...argument, role: 'delete' }, options)
  for (const writer of writers) {
    // They may have been told to go on for much longer.
    if (argument.enough !== undefined) writer.process.kill('SIGKILL')
    expect((await writer.ending).stderr).toBe('')
  }
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

/** P13 to P15 among processes, beside `turns.ts`: counted, in order, and beside plain deletes. */
export function lockProcessCases(subject: Pick<Subject, 'makePlace' | 'runtime'>): void {
  const { makePlace, runtime } = subject

  async function start(): Promise<{ place: Place; storage: Storage }> {
    const place = await makePlace()
    const storage = open(place)
    await storage.save(fresh())
    return { place, storage }
  }

  countCases(subject)

  it(`P15 frees the lock of a process that is killed, ${KILLS} times`, async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      const { place, storage } = await start()
      const holder = startChild('turn-taker.mjs', { act: 'hold', place, name: 'dead', lease: LEASE }, runtime)
      expect(await holder.line()).toBe('holds')
      holder.process.kill('SIGKILL')
      await holder.ending
      await storage.update('u', add, WAIT)
      expect(await slotsOf(storage)).toMatchObject({ n: 10 })
      await storage.close()
    }
  })

  it('P13 brings nothing back of what is deleted again and again', async () => {
    const report = await zombies(subject, { place: await makePlace(), milliseconds: ZOMBIES })
    expect(report.zombies).toBe(0)
    expect(report.deletes).toBeGreaterThan(0)
  })

  it('P15 goes on without a process that is killed while it waits', async () => {
    const { place, storage } = await start()
    let waiter: ReturnType<typeof startChild> | undefined
    await storage.withLock('u', async () => {
      // It has a place in the line, before the next one.
      waiter = startChild('turn-taker.mjs', { act: 'queue', place, name: 'dead', lease: 60_000 }, runtime)
      expect(await waiter.line()).toBe('waits')
      await sleep(300)
      waiter.process.kill('SIGKILL')
      await waiter.ending
    })
    // Its place ends within half a second. It never had the lock, whose lease is a minute.
    await storage.update('u', add, { wait: 30_000 })
    expect(await slotsOf(storage)).toMatchObject({ n: 10 })
    await storage.close()
  })

  it('P14 gives turns to several processes in the order in which they came', async () => {
    // Of three rounds one must keep the order.
    for (let round = 1; ; round++) {
      const { place, storage } = await start()
      const { overtaken, by, stood } = await countOvertaken(place, storage)
      await storage.close()
      if (process.env.FLOWKIT_VERBOSE) console.log(place.adapter, { overtaken, by, stood })
      if (overtaken > MOST_OVERTAKEN && round < 3) continue
      // Who stands still for longer than a place in the line is kept has to come again.
      if (stood > KEPT) break
      expect(overtaken).toBeLessThanOrEqual(MOST_OVERTAKEN)
      if (STRICT) expect(by).toBeLessThanOrEqual(1)
      break
    }
  })

  /**
   * Returns how many messages of four processes were overtaken, and by how many at most, and for how long one of the processes
   * has stood still.
   */
  async function countOvertaken(place: Place, storage: Storage) {
    const children = Array.from({ length: 4 }, () =>
      runChild('lock-order.mjs', { place, count: MESSAGES / 4, gap: 40, work: 20 }, runtime),
    )
    const endings = await Promise.all(children)
    for (const ending of endings) expect(ending).toMatchObject({ code: 0, stderr: '' })
    const stood = Math.max(...endings.map(({ stdout }) => Number(stdout)))
    const log = (await slotsOf(storage)).log as number[]
    expect(log).toHaveLength(MESSAGES)
    const passed = log.map((came, index) => log.slice(0, index).filter((other) => other > came + AT_ONCE).length)
    return { overtaken: passed.filter(Boolean).length, by: Math.max(...passed), stood }
  }
}
