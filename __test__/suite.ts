import { describe, it } from 'vitest'

import { runStorageContract } from '../testing/index.js'
import { durabilityCases } from './durability.js'
import { checkHas } from './has.js'
import { openPlace, type Place } from './support/open.mjs'
import type { Subject } from './support/subjects.js'

/** The conformance suite: the whole contract, P1 to P12, against one way to construct an adapter. */
export function conformance(subject: Subject, contract: { rounds?: number; runs?: number } = {}): void {
  describe(subject.name, () => {
    const places = new WeakMap<object, Place>()
    runStorageContract(
      async (options) => {
        const place = await subject.makePlace()
        const storage = openPlace({ ...place, options: { ...place.options, ...options } })
        places.set(storage, place)
        return storage
      },
      {
        name: 'in this process',
        timeout: 300_000,
        ...contract,
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
    durabilityCases(subject)
  })
}

/** The same against a further way to construct: the code under it is the adapter's, which has more rounds and kills. */
export function variantConformance(subject: Subject): void {
  const kills = Math.min(40, Number(process.env.FLOWKIT_KILLS ?? 40))
  conformance({ ...subject, kills }, { rounds: 2_000, runs: 30 })
}
