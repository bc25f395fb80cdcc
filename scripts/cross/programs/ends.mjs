// Saves without awaiting, and ends the process in the way that is asked for. With `count` it prints how much was stored.
import { closeAll, STORAGES } from './storages.mjs'

const COUNT = 50
const [ending, ...args] = process.argv.slice(2)

if (ending === 'count') {
  const counts = []
  for (const [name, place] of JSON.parse(args[0])) {
    const storage = STORAGES[name].open(place)
    const states = await Promise.all(Array.from({ length: COUNT }, (_, index) => storage.load(`c${index}`)))
    counts.push(states.filter((state) => state !== null).length)
    await storage.close()
  }
  closeAll()
  console.log(JSON.stringify(counts))
} else {
  const [name, place] = args
  const storage = STORAGES[name].open(place)
  // So that connections and tables are there.
  await storage.load('c0')
  for (let index = 0; index < COUNT; index++) storage.save({ conversationId: `c${index}`, text: 'x'.repeat(1000) })
  if (ending === 'exit') process.exit(0)
  if (ending === 'exception') throw new Error('thrown on purpose')
}
