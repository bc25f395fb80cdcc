import { parentPort, workerData } from 'node:worker_threads'
import { SQLiteStorage } from '@andresaya/flowkit-storage'

const storage = new SQLiteStorage({ path: workerData })
await storage.save({ conversationId: 'user', from: 'a worker' })
const { from } = await storage.load('user')
await storage.close()
parentPort.postMessage(from === 'a worker' ? 'kept' : 'lost')
