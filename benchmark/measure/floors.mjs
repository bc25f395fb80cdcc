// A process that measures the floors below the results: V8 alone, the disk alone, and redis-benchmark.
import { spawnSync } from 'node:child_process'
import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { threadTime } from './processor.mjs'
import { makeStates } from './states.mjs'

/** Returns the microseconds of processor time that one call takes. */
function costAlone(work, duration) {
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
  const cost = threadTime() - start
  if (sink === 0) throw new Error('no work was done')
  return (Number.isNaN(cost) ? (performance.now() - clock) * 1000 : cost) / calls
}

/** Returns how many writes a second reach the disk: each at the start of a file that is long enough, with one sync. */
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

/** Returns what redis-benchmark reaches a second: a program in C that converts no values, with payloads of this size. */
function redisAlone(port, size, chains, duration) {
  const requests = Math.max(200, Math.min(duration * 150, Math.floor((256 * 1024 * 1024) / size)))
  const numbers = ['-p', port, '-c', chains, '-d', size, '-n', requests, '-r', 1000].map(String)
  const args = ['-h', '127.0.0.1', ...numbers, '-t', 'set,get', '--csv']
  const { stdout } = spawnSync('redis-benchmark', args, { encoding: 'utf8' })
  const [set, get] = ['SET', 'GET'].map((test) => new RegExp(`^"${test}","([\\d.]+)"`, 'm').exec(stdout ?? '')?.[1])
  return set && get ? { set: Number(set), get: Number(get) } : {}
}

function measureFloors({ directory, redisPort, sizes, concurrency, text, duration }) {
  const most = Math.max(...concurrency)
  return sizes.map((size) => {
    const states = makeStates({ size, count: 64, text })
    const texts = states.map((state) => JSON.stringify(state))
    const alone = (work, values) => costAlone((index) => work(values[index % values.length]), duration)
    return {
      size,
      stringify: alone((state) => JSON.stringify(state), states),
      parse: alone((json) => JSON.parse(json), texts),
      clone: alone((state) => structuredClone(state), states),
      fsync: syncedWrites(directory, size, duration, fsyncSync),
      fdatasync: syncedWrites(directory, size, duration, fdatasyncSync),
      ...(redisPort ? redisAlone(redisPort, size, most, duration) : {}),
    }
  })
}

process.send?.(measureFloors(JSON.parse(process.argv[2])))
process.disconnect?.()
