// Starts workers that save without pause and terminates each in the middle, while the main thread goes on saving.
import { once } from 'node:events'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

import { openPlace, ready } from '../support/open.mjs'
import { versioned, versionOf } from '../support/versions.mjs'

if (isMainThread) {
  const { place, rounds } = JSON.parse(process.argv[2])
  const storage = openPlace(place)
  await ready(storage)
  for (let round = 1; round <= rounds; round++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: place })
    await once(worker, 'message')
    await storage.save(versioned('main', round))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
    await worker.terminate()
    if (versionOf('main', await storage.load('main')) !== round) throw new Error('the main thread lost its state')
    for (let index = 0; index < 8; index++) versionOf(`worker${index}`, await storage.load(`worker${index}`))
  }
  console.log('done')
} else {
  const { parentPort } = await import('node:worker_threads')
  const storage = openPlace(workerData)
  await ready(storage)
  await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      for (let version = 1; ; version++) {
        storage.save(versioned(`worker${index}`, version))
        await storage.save(versioned(`worker${index}`, ++version))
        if (version === 2 && index === 0) parentPort.postMessage('saving')
      }
    }),
  )
}
