import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { runStorageContract } from '../testing/index.js'
import { durabilityCases } from './durability.js'
import { checkHas } from './has.js'
import { openPlace, type Place } from './support/open.mjs'
import type { Subject } from './support/subjects.js'

const { LIMITS } = createRequire(import.meta.url)('../lib/short-limits.js') as { LIMITS: { leastUnits: number } }

/** How often a variant is killed. */
const FEW_KILLS = Math.min(40, Number(process.env.FLOWKIT_KILLS ?? 40))

interface Amount {
  rounds?: number
  runs?: number
  largestState?: number
}

/** A storage that tells how often something that is remembered was left out. */
type Telling = ReturnType<typeof openPlace>

/** The conformance suite: the whole contract, P1 to P12, against one way to construct an adapter. */
export function conformance(subject: Subject, amount: Amount = {}): void {
  describe(subject.name, () => {
    contract(subject, amount)
    durabilityCases(subject)
  })
}

/** The same against a further way to construct: the code under it is the adapter's, which has more rounds and kills. */
export function variantConformance(subject: Subject): void {
  conformance({ ...subject, kills: FEW_KILLS }, { rounds: 2_000, runs: 30 })
}

/** @param opened is told of each storage that the cases open */
function contract(subject: Subject, amount: Amount, opened: (storage: Telling) => void = () => {}): void {
  const places = new WeakMap<object, Place>()
  runStorageContract(
    async (options) => {
      const place = await subject.makePlace()
      const storage = openPlace({ ...place, options: { ...place.options, ...options } })
      places.set(storage, place)
      opened(storage)
      return storage
    },
    {
      name: 'in this process',
      timeout: 300_000,
      ...amount,
      codes: true,
      lock: subject.locks === true,
      list: subject.lists === true,
      ages: subject.ages !== false,
      retention: subject.expires === true,
      plant: (storage, id, text) => subject.plant(places.get(storage) as Place, storage, id, text),
      describe,
      it,
    },
  )
  it('has tells whether something is stored', async () => {
    const place = await subject.makePlace()
    const storage = openPlace(place)
    await checkHas(storage, (id, text) => subject.plant(place, storage, id, text))
  })
}

/** Bytes that the remembered entries may take: none, about those of one state of the contract, the default. */
const SNAPSHOTS = [0, 400, undefined]

/**
 * The contract with each size of the table of snapshots: what is remembered must not show. States of any length travel short,
 * since those of the contract are small. With FLOWKIT_SNAPSHOTS=all it is the whole suite, as often as for a variant.
 */
export function snapshotConformance(given: Subject): void {
  const isWhole = process.env.FLOWKIT_SNAPSHOTS === 'all'
  for (const snapshots of SNAPSHOTS) {
    const subject: Subject = {
      ...given,
      kills: FEW_KILLS,
      makePlace: async () => {
        const place = await given.makePlace()
        return { ...place, options: { ...place.options, snapshots } }
      },
    }
    describe(`${given.name} with snapshots: ${snapshots}`, () => {
      const storages: Telling[] = []
      const { leastUnits } = LIMITS
      beforeAll(() => {
        LIMITS.leastUnits = 1
      })
      afterAll(() => {
        LIMITS.leastUnits = leastUnits
      })
      const few = { rounds: 1_000, runs: 30, largestState: 4 * 1024 * 1024 }
      contract(subject, isWhole ? {} : few, (storage) => storages.push(storage))
      it(snapshots === 0 ? 'nothing was left out' : 'something was left out', () => {
        const hits = storages.map((storage) => storage.stats().snapshots?.hits ?? 0).reduce((sum, each) => sum + each)
        if (snapshots === 0) expect(hits).toBe(0)
        else expect(hits).toBeGreaterThan(100)
        if (process.env.FLOWKIT_VERBOSE) console.log({ subject: given.name, snapshots, hits })
      })
      if (isWhole) durabilityCases(subject)
    })
  }
}
