// Two messages at once, without a lock and with one.
// Usage: node examples/two-messages.mjs '{"adapter":"sqlite","options":{"path":"…"}}'
import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage, sequentialize } from '../index.js'
import { FlowEngine } from './engine.mjs'

const CLASSES = { memory: MemoryStorage, file: FileStorage, redis: RedisStorage, sqlite: SQLiteStorage }

const { adapter, options } = JSON.parse(process.argv[2])
const storage = new CLASSES[adapter](options)
// A bot that notes what it is told, and a model that takes its time.
const flow = {
  start: 'listen',
  steps: {
    listen: {
      ask: ({ notes = [] }) => `noted: ${notes.join(', ') || 'nothing yet'}`,
      answer(text, slots) {
        slots.notes = [...(slots.notes ?? []), text]
      },
    },
  },
}
const llm = { complete: (text) => new Promise((resolve) => setTimeout(() => resolve(text), 100)) }
const plain = new FlowEngine(flow, { llm, storage })

for (const [id, title, engine] of [
  ['user-1', 'as they come', plain],
  ['user-2', 'one turn at a time', sequentialize(plain, storage)],
]) {
  await engine.start(id)
  await Promise.all([engine.handle(id, 'no onions'), engine.handle(id, 'extra cheese')])
  const { notes } = await engine.getSlots(id)
  console.log(`  ${title.padEnd(20)} ${notes.length} of 2 messages kept: ${notes.join(', ')}`)
}
await storage.close()
