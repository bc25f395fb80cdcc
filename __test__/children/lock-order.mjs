// One of several processes that get messages of one conversation. Each turn notes when its message came, by a clock that all
// processes share.
import { setTimeout as sleep } from 'node:timers/promises'

import { openPlace, ready } from '../support/open.mjs'

const { place, count, gap, work } = JSON.parse(process.argv[2])
const storage = openPlace(place)
await ready(storage)
await storage.load('u')

/** On a busy machine the others need their time. */
const PATIENT = { wait: 240_000 }

/** The longest time for which this process has stood still, in ms. */
let stood = 0
let last = performance.now()
const watch = setInterval(() => {
  const now = performance.now()
  stood = Math.max(stood, now - last)
  last = now
}, 20)

const turns = []
for (let number = 0; number < count; number++) {
  await sleep(Math.random() * 2 * gap)
  const came = performance.timeOrigin + performance.now()
  const turn = storage.withLock(
    'u',
    async () => {
      const state = await storage.load('u')
      await sleep(work)
      state.slots.log.push(came)
      await storage.save(state)
    },
    PATIENT,
  )
  turns.push(turn)
}
await Promise.all(turns)
clearInterval(watch)
console.log(Math.round(stood))
await storage.close()
