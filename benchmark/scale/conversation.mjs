// A process with one conversation that grows turn by turn, loaded and saved at each, as a bot does.

import { median } from '../harness/statistics.mjs'
import { makeTurn, randomNumbers } from '../measure/states.mjs'
import { findSubject } from '../subjects/index.mjs'

/** How many turns around a length are measured. */
const AROUND = 20

async function measure({ variant, subject, directory, redisPort, turns, text }) {
  const { storage, close } = await findSubject(variant, subject).open({ directory, redisPort, relaxed: false })
  const random = randomNumbers(3)
  const id = 'user-0000000'
  const now = 1_700_000_000_000
  const first = { conversationId: id, currentStep: 'talk', slots: {}, history: [], ended: false }
  await storage.save({ ...first, createdAt: now, updatedAt: now })
  const costs = []
  for (let turn = 0; turn < turns; turn++) {
    const said = makeTurn(random, text, turn % 2 === 0 ? 'user' : 'assistant')
    const start = performance.now()
    const state = await storage.load(id)
    state.history.push(said)
    state.updatedAt++
    await storage.save(state)
    costs.push((performance.now() - start) * 1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  if ((await storage.load(id)).history.length !== turns) throw new Error('turns are missing')
  await close()
  return lengths(turns).map((length) => ({
    length,
    cost: median(costs.slice(Math.max(0, length - AROUND), length)),
  }))
}

/** 20, 50, 100, 200, 500 and so on, and the last one. */
function lengths(turns) {
  const all = []
  for (let decade = 10; decade <= turns; decade *= 10) all.push(decade, decade * 2, decade * 5)
  return [...all.filter((length) => length >= AROUND && length < turns), turns]
}

process.send?.(await measure(JSON.parse(process.argv[2])))
process.disconnect?.()
