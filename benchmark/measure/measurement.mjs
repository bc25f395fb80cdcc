// A process that does one measurement. harness/child.mjs starts it with the task as its argument; it sends the figures
// to its parent.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'

import { PLACES } from '../subjects/index.mjs'
import { closedLoop } from './drive.mjs'
import { processTime, threadTime } from './processor.mjs'
import { conversationId, makeStates, stamped } from './states.mjs'

const require = createRequire(import.meta.url)

/** States that are prepared before the clock starts and taken in turn. */
const PREPARED = 64
/** The timer of `monitorEventLoopDelay`. An event loop that is never late shows a delay of this length. */
const RESOLUTION_MS = 1
const FILL_CHAINS = 256

async function measure({ place, subject, checkout = '../../index.js', operation, size, chains, keys, text, ...task }) {
  const { settings, directory } = task
  const adapters = require(checkout)
  const { open, mode } = PLACES[place].subjects[subject]
  const openOnce = (relaxed) => {
    const ends = []
    const storage = open({ adapters, directory, redisPort: task.redisPort, relaxed, atEnd: (work) => ends.push(work) })
    const close = async () => {
      await storage.close?.()
      for (const work of ends) await work()
    }
    return { storage, close }
  }
  const states = makeStates({ size, count: PREPARED, text })
  let version = 0
  // Each conversation takes the states in their order: its history grows by one exchange a save.
  const saves = new Uint32Array(keys)
  const save = (storage, key) => storage.save(stamped(states[saves[key]++ % PREPARED], conversationId(key), version++))

  // All conversations are stored before the clock starts, without syncs if the subject can do without them.
  let opened = openOnce(true)
  let filled = 0
  const fill = () => save(opened.storage, filled++ % keys)
  await closedLoop({ operate: fill, chains: FILL_CHAINS, duration: 0, minimum: keys, limit: Number.POSITIVE_INFINITY })
  if (place !== 'memory') {
    await opened.close()
    opened = openOnce(false)
  }
  // Otherwise the first measured syncs would have to wait for all of these writes.
  if (process.platform === 'linux') spawnSync('sync', ['-f', directory])

  const { storage } = opened
  const next = Array.from({ length: chains }, () => 0)
  const perChain = Math.floor(keys / chains)
  // Each chain has conversations of its own, so that no two operations meet at one conversation. It takes steps of a
  // prime number, so that the order is not the one in which they were stored.
  const keyOf = (chain) => chain + chains * ((next[chain]++ * 7919) % perChain)
  const operate =
    operation === 'save' ? (chain) => save(storage, keyOf(chain)) : (chain) => loadExisting(storage, keyOf(chain))

  await closedLoop({ operate, chains, duration: settings.warmUp, minimum: 1, limit: settings.warmUp * 10 })
  globalThis.gc?.()

  const { duration, limit, minimum } = settings
  const before = { thread: threadTime(), process: processTime() }
  const done = await closedLoop({ operate, chains, minimum, duration, limit })
  const whole = processTime() - before.process
  const main = threadTime() - before.thread
  const load = { operate, chains, minimum: minimum / 2, duration: duration / 2, limit }
  const delay = await measureDelay(() => closedLoop(load))

  if (mode !== undefined && storage.mode !== mode) throw new Error(`${subject} was in the mode ${storage.mode}`)
  await opened.close()
  const late = (nanoseconds) => (Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) : 0)
  return {
    rate: (done.operations * 1000) / done.elapsed,
    main: Number.isNaN(main) ? undefined : main / done.operations,
    whole: whole / done.operations,
    delayP99: late(delay.percentile(99)),
    delayMax: late(delay.max),
  }
}

/**
 * Measures how late the event loop is, while the same load runs once more: the monitor's timer of 1 ms takes time of
 * the main thread. With slow operations, that would be most of their apparent cost.
 *
 * @param {() => Promise<unknown>} run
 */
async function measureDelay(run) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  // A delay is only known between two of its timers: one has to fire before the load begins, and one after it.
  await setTimeout(2 * RESOLUTION_MS)
  await run()
  await setTimeout(2 * RESOLUTION_MS)
  delay.disable()
  return delay
}

async function loadExisting(storage, key) {
  const state = await storage.load(conversationId(key))
  if (state?.conversationId !== conversationId(key)) throw new Error(`conversation ${key} is not what was saved`)
}

process.send?.(await measure(JSON.parse(process.argv[2])))
process.disconnect?.()
