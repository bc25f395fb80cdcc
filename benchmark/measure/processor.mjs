// How much time of a processor was used, by the JavaScript thread and by the whole process.
import { readFileSync } from 'node:fs'

const cell = new Int32Array(new SharedArrayBuffer(4))

/**
 * Time that the thread which calls has spent on a processor, in microseconds; `undefined` where the system does not
 * tell. To be called on the main thread.
 *
 * @returns {number | undefined}
 */
export function threadTime() {
  if (process.threadCpuUsage) {
    const { user, system } = process.threadCpuUsage()
    return user + system
  }
  if (process.platform !== 'linux') return undefined
  // The kernel adds up at its own ticks, up to 4 ms late, and whenever a thread is put aside, as it is here.
  Atomics.wait(cell, 0, 0, 0.05)
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1000
  } catch {
    return undefined
  }
}

/** Time that all threads of this process have spent on processors, in microseconds. */
export function processTime() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/**
 * @param {number | undefined} end
 * @param {number | undefined} start
 */
export function difference(end, start) {
  return end === undefined || start === undefined ? undefined : end - start
}
