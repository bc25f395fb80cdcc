// The exported contract suite on each adapter, on another platform. Fewer rounds than in `npm test`: a processor may be emulated.
import { after } from 'node:test'
import { runStorageContract } from '@andresaya/flowkit-storage/testing'

import { closeAll, newName, STORAGES } from './storages.mjs'

for (const [name, { open, plant }] of Object.entries(STORAGES)) {
  const places = new WeakMap()
  const create = async () => {
    const place = newName()
    const storage = open(place)
    // Makes the folder or the table that `plant` writes to.
    await storage.load('nobody')
    places.set(storage, place)
    return storage
  }
  runStorageContract(create, {
    name,
    codes: true,
    lock: true,
    ...(plant && { plant: (storage, id, text) => plant(places.get(storage), id, text) }),
    rounds: 300,
    runs: 10,
    largestState: 4 * 1024 * 1024,
    timeout: 600_000,
  })
}

after(closeAll)
