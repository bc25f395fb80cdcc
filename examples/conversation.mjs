// One process of the demonstration: takes up the conversation where it was left and sends some messages.
// Usage: node examples/conversation.mjs '{"adapter":"sqlite","options":{"path":"…"},"messages":["Hi"]}'
import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } from '../index.js'
import { FlowEngine } from './engine.mjs'
import { pizza } from './pizza.mjs'

const CLASSES = { memory: MemoryStorage, file: FileStorage, redis: RedisStorage, sqlite: SQLiteStorage }
const SESSION = 'whatsapp:+573001234567'

const { adapter, options, messages, colour } = JSON.parse(process.argv[2])
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
const bot = (text) => console.log(`  ${paint(36, 'bot ')}  ${text}`)
const user = (text) => console.log(`  ${paint(33, 'user')}  ${text}`)

const storage = new CLASSES[adapter](options)
const engine = new FlowEngine(pizza, { storage })

const before = await engine.getState(SESSION)
console.log(
  paint(
    2,
    before ? `  (found: step ${before.currentStep}, ${before.history.length} messages)` : '  (nothing stored yet)',
  ),
)
bot((await engine.start(SESSION)).message)
for (const message of messages) {
  user(message)
  bot((await engine.handle(SESSION, message)).message)
}
const state = await engine.getState(SESSION)
console.log(
  paint(
    2,
    `  stored: step ${state.currentStep}, slots ${JSON.stringify(state.slots)}, ${state.history.length} messages`,
  ),
)
