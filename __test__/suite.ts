import { describe, it } from 'vitest'

import { runStorageContract } from '../testing/index.js'
import { durabilityCases } from './durability.js'
import { checkHas } from './has.js'
import { openPlace, type Place } from './support/open.mjs'
import type { Subject } from './support/subjects.js'

/** The conformance suite: the whole contract, P1 to P12, against one way to construct an adapter. */
export function conformance(subject: Subject): void {
  describe(subject.name, () => {
    const places = new WeakMap<object, Place>()
    runStorageContract(
      async () => {
        const place = await subject.makePlace()
        const storage = openPlace(place)
        places.set(storage, place)
        return storage
      },
      {
        name: 'in this process',
        codes: true,
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

/** The same against a further way to construct: the code under it is the adapter's, whose writers are killed more often. */
export function variantConformance(subject: Subject): void {
  conformance({ ...subject, kills: Math.min(40, Number(process.env.FLOWKIT_KILLS ?? 40)) })
}
