import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import type { MemoryStorage } from '../index.js'
import { startChild } from './support/child.js'
import { openPlace, type Place, ready } from './support/open.mjs'
import { temporaryDirectory } from './support/subjects.js'
import { runCrowd } from './support/turn-crowd.js'
import { judgeTurns } from './support/turn-history.js'
import { LONG, sleep } from './support/waiting.js'

/** How long processes take turns while some are killed and stopped, in ms. */
const DURATION = Number(process.env.FLOWKIT_TURNS_MS ?? 3_000)
/** The shortest that there is, in ms. */
const LEASE = 1_000
/** Longer than a machine is likely to let the renewal of a lock stand still, in ms. */
const LONG_LEASE = 5_000

const LIMIT = { timeout: LONG + DURATION }

type Adapter = MemoryStorage
type List = { entries: string[] } | null

/** A place on which processes take turns. */
export interface Way {
  name: string
  makePlace(): Promise<Place>
  /** Returns the same place behind something that breaks its connections, and what tells it to. */
  putAtRisk?(place: Place): Promise<{ place: Place; disturb: () => void }>
  /** True if a lock is renewed and given back natively. */
  native: boolean
}

/** What others do while a holder is stopped for longer than its lease. */
interface Meanwhile {
  name: string
  /** True if the holder may save in the end. */
  succeeds: boolean
  /** What is stored in the end. */
  stored: string[]
  act(storage: Adapter, id: string, goOn: () => Promise<unknown>): Promise<unknown>
}

const MEANWHILE: Meanwhile[] = [
  { name: 'nobody came', succeeds: true, stored: ['late'], act: (_storage, _id, goOn) => goOn() },
  {
    name: 'another one only looked',
    succeeds: true,
    stored: ['late'],
    async act(storage, id, goOn) {
      await storage.withLock(id, () => entriesOf(storage, id))
      // `withLock` does not wait until the lock is given back. What comes behind it does.
      await storage.load(id)
      await goOn()
    },
  },
  {
    name: 'another one had its turn',
    succeeds: false,
    stored: ['other'],
    act: (storage, id, goOn) => storage.withLock(id, () => append(storage, id, 'other')).then(goOn),
  },
  {
    name: 'another one has the lock',
    succeeds: false,
    stored: ['other'],
    act: (storage, id, goOn) => storage.withLock(id, () => goOn().then(() => append(storage, id, 'other'))),
  },
  { name: 'it was deleted', succeeds: false, stored: [], act: (storage, id, goOn) => storage.delete(id).then(goOn) },
  {
    name: 'it was changed without a lock',
    succeeds: false,
    stored: ['plain'],
    act: (storage, id, goOn) => save(storage, id, ['plain']).then(goOn),
  },
]

const save = (storage: Adapter, id: string, entries: string[]) => storage.save({ conversationId: id, entries } as never)

async function entriesOf(storage: Adapter, id: string): Promise<string[]> {
  return ((await storage.load(id)) as unknown as List)?.entries ?? []
}

async function append(storage: Adapter, id: string, entry: string) {
  await save(storage, id, [...(await entriesOf(storage, id)), entry])
}

/** Declares the tests of locks that need several processes. */
export function turnCases({ name, makePlace, putAtRisk, native }: Way): void {
  describe(`processes that take turns on ${name}`, LIMIT, () => {
    async function open() {
      const place = await makePlace()
      const storage = openPlace(place) as Adapter
      await ready(storage)
      await save(storage, 'u', [])
      return { place, storage }
    }

    it('lose no entry and keep none twice, while some are killed and stopped', async () => {
      const { place, storage } = await open()
      const crowd = { place, lease: LEASE, duration: DURATION, ...(await putAtRisk?.(place)) }
      const report = await runCrowd(storage, crowd, LIMIT.timeout)
      await storage.close()
      if (process.env.FLOWKIT_VERBOSE) console.log(name, report.counts)
      expect(report.noise).toEqual([])
      expect(judgeTurns(report.deeds, report.stored)).toEqual([])
      expect(report.counts.done).toBeGreaterThan(0)
    })

    it('go on when a holder was killed', async () => {
      const { place, storage } = await open()
      const child = startChild('turn-taker.mjs', { act: 'hold', place, name: 'dead', lease: LEASE })
      expect(await child.line()).toBe('holds')
      child.process.kill('SIGKILL')
      expect(await storage.withLock('u', () => 'had', { wait: 60_000 })).toBe('had')
      await child.ending
      await storage.close()
    })

    it('let a holder save that was stopped only if nothing has changed and nobody has the lock', async () => {
      const { place, storage } = await open()
      const run = async ({ name: id, act }: Meanwhile) => {
        await save(storage, id, [])
        const argument = { act: 'late', place, id, name: 'late', lease: LEASE }
        const child = startChild('turn-taker.mjs', argument)
        expect(await child.line()).toBe('holds')
        child.process.kill('SIGSTOP')
        await sleep(LEASE + 200)
        let end = ''
        await act(storage, id, async () => {
          // Pending before it goes on: a process that is stopped takes no signal.
          child.process.kill('SIGUSR2')
          child.process.kill('SIGCONT')
          end = await child.line()
        })
        await child.ending
        return { id, end, stored: await entriesOf(storage, id) }
      }
      const expected = MEANWHILE.map(({ name: id, succeeds, stored }) => {
        return { id, end: succeeds ? 'done' : 'failed ERR_STORAGE_CONFLICT save', stored }
      })
      expect(await Promise.all(MEANWHILE.map(run))).toEqual(expected)
      await storage.close()
    })

    for (const act of ['exit', 'throw', 'terminate']) {
      it.runIf(native)(`go on at once after a holder has ended, ${act}`, async () => {
        const { place, storage } = await open()
        const child = startChild('turn-taker.mjs', { act, place, name: 'gone', lease: 60_000 })
        expect(await child.line()).toBe('holds')
        if (act !== 'terminate') await child.ending
        expect(await storage.withLock('u', () => 'had', { wait: 30_000 })).toBe('had')
        child.process.kill('SIGKILL')
        await child.ending
        await storage.close()
      })
    }

    it(`${native ? 'keep' : 'lose'} the lock of one whose event loop is blocked`, async () => {
      const { place, storage } = await open()
      const go = join(await temporaryDirectory(), 'go')
      const lease = native ? LONG_LEASE : LEASE
      const child = startChild('turn-taker.mjs', { act: 'block', place, name: 'blocked', lease, stop: go })
      expect(await child.line()).toBe('holds')
      const second = storage.withLock('u', () => append(storage, 'u', 'second'))
      if (native) await sleep(lease + 500)
      else await second
      await writeFile(go, '')
      await second
      expect((await child.ending).stdout).toContain(native ? 'done' : 'failed ERR_STORAGE_CONFLICT save')
      expect(await entriesOf(storage, 'u')).toEqual(native ? ['blocked', 'second'] : ['second'])
      await storage.close()
    })
  })
}
