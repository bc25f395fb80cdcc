// Saves without awaiting, and ends before anything was acknowledged, in the way that is asked for.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

import { openPlace, ready } from '../support/open.mjs'
import { versioned } from '../support/versions.mjs'

const { place, count, ending, recipe } = isMainThread ? JSON.parse(process.argv[2]) : workerData

/** Opens the storage, and saves each conversation without awaiting it. */
async function begin() {
  const storage = openPlace(place)
  await ready(storage)
  // So that connections and tables are there.
  await storage.load('c0')
  if (recipe !== undefined) new Function('storage', recipe)(storage)
  return () => {
    for (let index = 0; index < count; index++) storage.save(versioned(`c${index}`, 1))
  }
}

/** Ends this process. */
async function end() {
  if (ending === 'worker.terminate()') {
    const worker = new Worker(new URL(import.meta.url), { workerData: { place, count } })
    worker.once('message', () => worker.terminate())
    return
  }
  const saveAll = await begin()
  if (ending === 'process.exit() in a handler') {
    process.once('SIGTERM', () => {
      saveAll()
      process.exit(0)
    })
    process.kill(process.pid, 'SIGTERM')
    // The signal comes in a later turn.
    setTimeout(() => {}, 60_000)
    return
  }
  saveAll()
  if (ending === 'process.exit()') process.exit(0)
  if (ending === 'uncaught exception') throw new Error('thrown on purpose')
  if (ending === 'unhandled rejection') Promise.reject(new Error('on purpose'))
  if (ending.startsWith('SIG')) process.kill(process.pid, ending)
  // With a recipe, its handler has this moment.
  if (recipe !== undefined) setTimeout(() => {}, 60_000)
}

if (isMainThread) {
  await end()
} else {
  const saveAll = await begin()
  // What clients do in a later turn does not come before the end. The hand-over of the same tick does.
  setImmediate(() => {
    parentPort.postMessage('saved')
    for (;;);
  })
  saveAll()
}
