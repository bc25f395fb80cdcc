// A process that measures what the results are to be read against: V8 alone, the disk alone, and the load alone, with
// nothing to serve it.
import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { closedLoop } from './drive.mjs'
import { costAlone } from './floor.mjs'
import { difference, threadTime } from './processor.mjs'
import { makeStates, stamped } from './states.mjs'

/** One write at the start of a file that is long enough, and one sync: writes a second. */
function syncedWrites(directory, size, duration, sync) {
  const file = openSync(join(directory, 'floor'), 'w')
  try {
    ftruncateSync(file, size)
    const bytes = Buffer.alloc(size, 'x')
    const start = performance.now()
    let writes = 0
    do {
      writeSync(file, bytes, 0, size, 0)
      sync(file)
      writes++
    } while (performance.now() - start < duration)
    return (writes * 1000) / (performance.now() - start)
  } finally {
    closeSync(file)
  }
}

async function driverAlone(states, chains, duration) {
  let version = 0
  const operate = async () => void stamped(states[version % states.length], 'user-0000000', version++)
  const load = { operate, chains, minimum: 1, limit: duration * 10 }
  await closedLoop({ ...load, duration: duration / 4 })
  const start = threadTime()
  const { operations } = await closedLoop({ ...load, duration })
  const time = difference(threadTime(), start)
  return time === undefined ? undefined : time / operations
}

async function measureFloors({ directory, sizes, concurrency, text, duration }) {
  const bySize = sizes.map((size) => {
    const states = makeStates({ size, count: 64, text })
    const texts = states.map((state) => JSON.stringify(state))
    const turn = (list) => (index) => list[index % list.length]
    const [state, json] = [turn(states), turn(texts)]
    return {
      size,
      stringify: costAlone((index) => JSON.stringify(state(index)), duration),
      parse: costAlone((index) => JSON.parse(json(index)), duration),
      clone: costAlone((index) => structuredClone(state(index)), duration),
      fsync: syncedWrites(directory, size, duration, fsyncSync),
      fdatasync: syncedWrites(directory, size, duration, fdatasyncSync),
    }
  })
  const states = makeStates({ size: sizes[0], count: 64, text })
  const driver = []
  for (const chains of concurrency) driver.push({ chains, cost: await driverAlone(states, chains, duration) })
  return { bySize, driver }
}

process.send?.(await measureFloors(JSON.parse(process.argv[2])))
process.disconnect?.()
