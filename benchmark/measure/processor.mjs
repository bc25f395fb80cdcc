// Reads how much processor time was used, by the JavaScript thread and by the whole process.
import { readFileSync } from 'node:fs'

const cell = new Int32Array(new SharedArrayBuffer(4))

/**
 * Returns the microseconds that the main thread, which must be the caller, has spent on a processor. `NaN` if the system
 * does not provide it.
 *
 * @returns {number}
 */
export function threadTime() {
  if (process.threadCpuUsage) {
    const { user, system } = process.threadCpuUsage()
    return user + system
  }
  // The kernel updates the sum at its own ticks, up to 4 ms late, and whenever it deschedules a thread, as it does here.
  Atomics.wait(cell, 0, 0, 0.05)
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1000
  } catch {
    return Number.NaN
  }
}

/** Returns the microseconds that all threads of this process have spent on processors. */
export function processTime() {
  const { user, system } = process.cpuUsage()
  return user + system
}
