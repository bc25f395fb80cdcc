// A process that measures turns: load, change a slot, append two entries, save. harness/child.mjs starts it with the task as
// its argument; it sends the figures to its parent.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

import { PLACES } from '../subjects/index.mjs'
import { closedLoop } from './drive.mjs'
import { ENGINES } from './engines.mjs'
import { threadTime } from './processor.mjs'
import { conversationId, makeStates } from './states.mjs'

const require = createRequire(import.meta.url)

/** Turns that each process takes until it is the other one's turn. */
const IN_TURN = 64

const task = JSON.parse(process.argv[2])
const { place, subject, checkout = '../../index.js', engine, size, chains, isSecond, settings, directory } = task
const ends = []
const { storage, turn } = subject === 'v8' ? alone() : onStorage()

/** V8's JSON of the same states, with the same engine. */
function alone() {
  const texts = Array.from({ length: chains }, (_, chain) => JSON.stringify(stateOf(chain)))
  const alter = ENGINES[engine](stateOf(0).history.length)
  const turn = async (chain) => {
    texts[chain] = JSON.stringify(alter(JSON.parse(texts[chain])))
  }
  return { storage: undefined, turn }
}

function onStorage() {
  const context = { adapters: require(checkout), directory, redisPort: task.redisPort, relaxed: false }
  const storage = PLACES[place].subjects[subject].open({ ...context, atEnd: (work) => ends.push(work) })
  const alter = ENGINES[engine](stateOf(0).history.length)
  const turn = async (chain) => {
    const state = await storage.load(conversationId(chain))
    await storage.save(alter(state))
  }
  return { storage, turn }
}

function stateOf(chain) {
  return { ...makeStates({ size, count: 1 })[0], conversationId: conversationId(chain) }
}

/** Returns microseconds of the main thread for each turn. */
async function measure(duration, minimum) {
  const began = threadTime()
  const limit = Math.max(10 * duration, 10_000)
  const { operations, elapsed } = await closedLoop({ operate: turn, chains, duration, minimum, limit })
  return { main: (threadTime() - began) / operations, rate: (operations * 1000) / elapsed }
}

/** The same, while another process takes turns of the same conversations: what was remembered is out of date each time. */
async function measureBesideAnother() {
  const other = fork(fileURLToPath(import.meta.url), [JSON.stringify({ ...task, isSecond: true })])
  await once(other, 'message')
  const taken = []
  const end = performance.now() + settings.duration
  while (performance.now() < end || taken.length < 3) {
    other.send('go')
    await once(other, 'message')
    taken.push(await measure(0, IN_TURN))
  }
  other.disconnect()
  await once(other, 'exit')
  const mean = (name) => taken.reduce((sum, one) => sum + one[name], 0) / taken.length
  return { main: mean('main'), rate: mean('rate') }
}

async function close() {
  await storage?.close?.()
  for (const work of ends) await work()
}

if (!isSecond) {
  if (storage !== undefined) for (let chain = 0; chain < chains; chain++) await storage.save(stateOf(chain))
  await measure(settings.warmUp, 20)
  globalThis.gc?.()
}
const isBeside = engine === 'append, beside another process' && storage !== undefined
process.on('message', async () => {
  const { duration, minimum } = settings
  if (isSecond) process.send?.(await measure(0, IN_TURN))
  else process.send?.(isBeside ? await measureBesideAnother() : await measure(duration, minimum))
})
process.once('disconnect', close)
process.send?.('ready')
