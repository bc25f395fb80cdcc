// What nothing can be faster than: the work that every adapter in JavaScript has to do.
import { threadTime } from './processor.mjs'

/**
 * Microseconds of processor time of one call, called for `duration` milliseconds.
 *
 * @param {(index: number) => unknown} work
 * @param {number} duration
 */
export function costAlone(work, duration) {
  let sink = 0
  let calls = 0
  const run = (milliseconds) => {
    const end = performance.now() + milliseconds
    do {
      for (let repeat = 0; repeat < 8; repeat++) sink += Number(work(calls++) !== undefined)
    } while (performance.now() < end)
  }
  run(duration / 4)
  calls = 0
  const start = threadTime()
  const clock = performance.now()
  run(duration)
  const end = threadTime()
  if (sink === 0) throw new Error('nothing was done')
  return (end === undefined || start === undefined ? (performance.now() - clock) * 1000 : end - start) / calls
}

/**
 * `JSON.stringify` alone for saves, `JSON.parse` alone for loads, of the same states.
 *
 * @param {'save' | 'load'} operation
 * @param {object[]} states
 * @param {number} duration milliseconds
 */
export function jsonAlone(operation, states, duration) {
  if (operation === 'save') return costAlone((index) => JSON.stringify(states[index % states.length]), duration)
  const texts = states.map((state) => JSON.stringify(state))
  return costAlone((index) => JSON.parse(texts[index % texts.length]), duration)
}
