// A process that does one measurement and is gone. Started by harness/child.mjs, with the task as its argument; sends
// what it measured to its parent.
import { spawnSync } from 'node:child_process'
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'

import { findSubject } from '../subjects/index.mjs'
import { closedLoop, openLoop } from './drive.mjs'
import { jsonAlone } from './floor.mjs'
import { difference, processTime, threadTime } from './processor.mjs'
import { conversationId, makeStates, stamped } from './states.mjs'

/** States that are prepared before the clock starts and taken in turn. */
const PREPARED = 64
/** What `monitorEventLoopDelay` waits for; an event loop that is never late shows as much. */
const RESOLUTION_MS = 1
const FILL_CHAINS = 256

/** @param {import('../harness/plan.mjs').Task} task */
async function measure(task) {
  const { variant, subject, operation, loop, size, chains, keys, text, settings } = task
  const { open } = findSubject(variant, subject)
  const context = { directory: task.directory, redisPort: task.redisPort }
  const states = makeStates({ size, count: PREPARED, text })
  let version = 0
  const save = (storage, key) => storage.save(stamped(states[version % PREPARED], conversationId(key), version++))

  // All conversations are there before the clock starts, written without syncs where the subject can do without.
  let opened = await open({ ...context, relaxed: !task.keepsNothing })
  await inChains(keys, (key) => save(opened.storage, key))
  if (!task.keepsNothing) {
    await opened.close()
    opened = await open({ ...context, relaxed: false })
  }
  // Otherwise the first syncs that are measured would have to wait for all of that.
  if (process.platform === 'linux') spawnSync('sync', ['-f', task.directory])

  const { storage } = opened
  const next = Array.from({ length: chains }, () => 0)
  const perChain = Math.floor(keys / chains)
  // Each chain has conversations of its own: no two operations meet at one conversation. Not in the order in which they
  // were stored: a prime number of steps onwards each time.
  const keyOf = (chain) => chain + chains * ((next[chain]++ * 7919) % perChain)
  const operate =
    operation === 'save' ? (chain) => save(storage, keyOf(chain)) : (chain) => loadExisting(storage, keyOf(chain))
  const arrive =
    operation === 'save'
      ? (arrival) => save(storage, arrival % keys)
      : (arrival) => loadExisting(storage, arrival % keys)

  await closedLoop({ operate, chains, duration: settings.warmUp, minimum: 1, limit: settings.warmUp * 10 })
  globalThis.gc?.()

  const latency = createHistogram()
  const record = (ms) => latency.record(Math.max(1, Math.round(ms * 1e6)))
  const { duration, limit, minimum } = settings
  const run = (share, recordOne) =>
    loop === 'open'
      ? openLoop({ operate: arrive, rate: task.rate, record: recordOne, duration: duration * share, limit })
      : closedLoop({ operate, chains, minimum: minimum * share, record: recordOne, duration: duration * share, limit })
  const before = { thread: threadTime(), process: processTime(), loop: performance.eventLoopUtilization() }
  const done = await run(1, record)
  const utilization = performance.eventLoopUtilization(before.loop).utilization
  const wholeTime = processTime() - before.process
  const mainTime = difference(threadTime(), before.thread)
  const delay = await measureDelay(() => run(1 / 2, () => {}))
  const memory = process.memoryUsage()

  const mode = storage.mode
  await opened.close()
  const json = jsonAlone(operation, states, settings.floor)
  const perOperation = (time) => (time === undefined ? undefined : time / Math.max(1, done.operations))
  const late = (nanoseconds) => (Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) : 0)
  const main = perOperation(mainTime)
  return {
    mode,
    operations: done.operations,
    unfinished: done.unfinished ?? 0,
    rate: (done.operations * 1000) / done.elapsed,
    main,
    whole: perOperation(wholeTime),
    json,
    mainToJson: main === undefined ? undefined : main / json,
    utilization,
    delayP50: late(delay.percentile(50)),
    delayP99: late(delay.percentile(99)),
    delayMax: late(delay.max),
    latencyP50: latency.percentile(50) / 1e6,
    latencyP99: latency.percentile(99) / 1e6,
    rss: memory.rss / 1048576,
  }
}

/**
 * How late the event loop is. The same load once more: the monitor's timer of 1 ms takes time of the main thread, which
 * where operations are slow would be most of what each of them seems to cost.
 *
 * @param {() => Promise<unknown>} run
 */
async function measureDelay(run) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  // It knows a delay only between two of its timers: one has to fire before the load begins, and one after it.
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

async function inChains(count, work) {
  let index = 0
  const chain = async () => {
    while (index < count) await work(index++)
  }
  await Promise.all(Array.from({ length: FILL_CHAINS }, chain))
}

const result = await measure(JSON.parse(process.argv[2]))
process.send?.(result)
process.disconnect?.()
