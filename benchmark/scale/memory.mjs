// A process that holds many conversations in memory: what that does to V8's heap, its pauses and the process.
import { PerformanceObserver } from 'node:perf_hooks'

import { conversationId, makeStates, stamped } from '../measure/states.mjs'
import { findSubject } from '../subjects/index.mjs'

const SIZE = 2048
const MIB = 1024 * 1024
const WARM_UP = 10_000
/** Saves between two turns of the event loop, as they would come from a network. */
const BATCH = 100

async function measure({ subject, conversations, text }) {
  const { storage, close } = await findSubject('memory', subject).open({ directory: '', relaxed: true })
  const states = makeStates({ size: SIZE, count: 64, text })
  const pauses = []
  const note = (list) => {
    for (const { duration } of list.getEntries()) pauses.push(duration)
  }
  const observer = new PerformanceObserver(note)
  let version = 0
  const save = (index) => storage.save(stamped(states[version % states.length], conversationId(index), version++))
  for (let index = 0; index < WARM_UP; index++) await save(index % BATCH)
  globalThis.gc?.()
  const before = process.memoryUsage()
  observer.observe({ entryTypes: ['gc'] })
  const start = performance.now()
  for (let index = 0; index < conversations; index++) {
    await save(index)
    if (index % BATCH === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const elapsed = performance.now() - start
  note({ getEntries: () => observer.takeRecords() })
  observer.disconnect()
  const filled = process.memoryUsage()
  const collect = performance.now()
  globalThis.gc?.()
  const fullCollection = performance.now() - collect
  const after = process.memoryUsage()
  const last = await storage.load(conversationId(conversations - 1))
  if (last?.updatedAt !== states[0].updatedAt + version - 1) throw new Error('the last conversation is not there')
  await close()
  return {
    rate: (conversations * 1000) / elapsed,
    heapMb: (after.heapUsed - before.heapUsed) / MIB,
    heapGrowth: (after.heapUsed - before.heapUsed) / before.heapUsed,
    rss: filled.rss / MIB,
    bytesEach: (filled.rss - before.rss) / conversations,
    pauses: pauses.length,
    pauseTotal: pauses.reduce((sum, pause) => sum + pause, 0),
    pauseMost: Math.max(0, ...pauses),
    fullCollection,
  }
}

process.send?.(await measure(JSON.parse(process.argv[2])))
process.disconnect?.()
