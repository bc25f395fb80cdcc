// Runs in a network of its own, which loses every packet for five seconds. Prints the outcomes of operations meanwhile.
import { execFileSync, spawn } from 'node:child_process'

import { RedisStorage } from '../../index.js'

const server = spawn('redis-server', ['--port', '6379', '--save', ''], { stdio: 'ignore' })
try {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  const storage = new RedisStorage()
  await storage.save({ conversationId: 'a', version: 1 })
  execFileSync('ip', ['link', 'set', 'lo', 'down'])
  setTimeout(() => execFileSync('ip', ['link', 'set', 'lo', 'up']), 5000)
  const operations = [storage.load('a'), storage.save({ conversationId: 'a', version: 2 }), storage.load('a')]
  const outcomes = await Promise.allSettled(operations)
  console.log(JSON.stringify(outcomes.map(({ reason, value }) => reason?.code ?? value?.version ?? 'done')))
  await storage.close()
} finally {
  server.kill()
}
