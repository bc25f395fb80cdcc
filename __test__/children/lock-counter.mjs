// One of several processes that add to one conversation, each so many times. Ends with
// one line of JSON: what was refused.
import { FlowEngine } from '../../examples/engine.mjs'
import { openPlace, ready } from '../support/open.mjs'

/** `how` is "update", "lock" for `withLock` around the engine, "plain" for the engine alone, or "both" for the first two in turns. */
const { place, how, count, name } = JSON.parse(process.argv[2])
const storage = openPlace(place)
await ready(storage)

function add(slots, entry) {
  slots.n++
  slots.log.push(entry)
}

/** A bot that keeps what it is told, and a model that takes its time. */
const flow = {
  start: 'listen',
  steps: { listen: { ask: () => 'noted', answer: (text, slots) => void add(slots, text) } },
}
const llm = { complete: (text) => new Promise((resolve) => setTimeout(resolve, 2, text)) }
const engine = new FlowEngine(flow, { llm, storage })

/** On a busy machine the others need their time. */
const PATIENT = { wait: 240_000 }

const WAYS = {
  plain: (entry) => engine.handle('u', entry),
  lock: (entry) => storage.withLock('u', () => engine.handle('u', entry), PATIENT),
  update: (entry) => storage.update('u', ({ slots }) => add(slots, entry), PATIENT),
}

const refused = []
for (let number = 0; number < count; number++) {
  const way = how === 'both' ? ['lock', 'update'][number % 2] : how
  await WAYS[way](`${name}:${number}`).catch((error) => {
    // Nothing was done: on a busy machine another process has had the file for all of the user's busy timeout.
    if (error.cause?.code === 'SQLITE_BUSY') number--
    else refused.push(error.message)
  })
}
console.log(JSON.stringify(refused))
await storage.close()
// The client of a cluster keeps its process alive.
process.exit()
