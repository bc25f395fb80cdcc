// Saves rising versions of some conversations, as fast as it can, until it is killed. Prints each acknowledgement as
// `id version`, at once (a buffered line would be lost with the process).
import { writeSync } from 'node:fs'

import { openPlace, ready } from '../support/open.mjs'
import { versioned } from '../support/versions.mjs'

const { place, versions } = JSON.parse(process.argv[2])
const storage = openPlace(place)
await ready(storage)
await Promise.all(
  Object.entries(versions).map(async ([id, start]) => {
    for (let version = start + 1; ; version++) {
      await storage.save(versioned(id, version))
      writeSync(1, `${id} ${version}\n`)
    }
  }),
)
