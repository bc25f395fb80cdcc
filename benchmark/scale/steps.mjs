// A process that fills a place step by step and measures at each step what one save and one load cost.
import { createHistogram } from 'node:perf_hooks'

import { conversationId, makeStates, randomNumbers, stamped } from '../measure/states.mjs'
import { findSubject } from '../subjects/index.mjs'

const FILL_CHAINS = 64

/**
 * @param {object} task
 * @param {string} task.variant
 * @param {string} task.subject
 * @param {string} task.directory
 * @param {number} task.size bytes of each state
 * @param {number[]} task.steps how many conversations there are at each
 * @param {number} task.samples how many saves and loads are measured, one after the other
 * @param {string} task.text
 */
async function measure({ variant, subject, directory, size, steps, samples, text }) {
  const { open } = findSubject(variant, subject)
  const states = makeStates({ size, count: 64, text })
  const random = randomNumbers(7)
  let version = 0
  const save = (storage, index) =>
    storage.save(stamped(states[version % states.length], conversationId(index), version++))
  const rows = []
  let stored = 0
  for (const step of steps) {
    const filling = await open({ directory, relaxed: true })
    const chain = async () => {
      while (stored < step) await save(filling.storage, stored++)
    }
    await Promise.all(Array.from({ length: FILL_CHAINS }, chain))
    await filling.close()

    const { storage, close } = await open({ directory, relaxed: false })
    const any = () => Math.floor(random() * step)
    for (let warm = 0; warm < samples / 10; warm++) await save(storage, any())
    const saves = await timed(samples, () => save(storage, any()))
    const loads = await timed(samples, async () => {
      const index = any()
      const state = await storage.load(conversationId(index))
      if (state?.conversationId !== conversationId(index)) throw new Error(`conversation ${index} is not there`)
    })
    await close()
    rows.push({ step, save: saves, load: loads })
  }
  return rows
}

/** The median and the 99th percentile in microseconds. */
async function timed(samples, work) {
  const histogram = createHistogram()
  for (let sample = 0; sample < samples; sample++) {
    const start = performance.now()
    await work()
    histogram.record(Math.max(1, Math.round((performance.now() - start) * 1e6)))
  }
  return { median: histogram.percentile(50) / 1000, p99: histogram.percentile(99) / 1000 }
}

process.send?.(await measure(JSON.parse(process.argv[2])))
process.disconnect?.()
