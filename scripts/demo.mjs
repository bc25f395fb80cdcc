// `npm run demo [-- --storage sqlite|file|memory|redis]`: a conversation that survives the restart of its process.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { attempt, build, installPackages, say } from './setup.mjs'

const KINDS = ['sqlite', 'file', 'memory', 'redis']

function readArguments() {
  try {
    const { values } = parseArgs({ options: { storage: { type: 'string', default: 'sqlite' } } })
    if (KINDS.includes(values.storage)) return values.storage
  } catch {}
  console.error(`Usage: npm run demo [-- --storage ${KINDS.join('|')}]`)
  process.exit(2)
}

/** The server named by REDIS_URL, or one of our own on a free port. */
async function openRedis(dir) {
  if (process.env.REDIS_URL) {
    const options = { url: process.env.REDIS_URL }
    // Not the URL, which may hold a password.
    return { options, where: 'the server of REDIS_URL', store: 'env:REDIS_URL', stop() {} }
  }
  if (attempt('redis-server', ['--version'], { stdio: 'ignore' }).status !== 0) {
    console.error('Set REDIS_URL to a Redis server, or install redis-server (apt-get install redis-server).')
    process.exit(1)
  }
  const probe = createServer()
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '']
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve, reject) => {
    server.on('exit', () => reject(new Error('redis-server did not start')))
    server.stdout.on('data', (chunk) => String(chunk).includes('Ready to accept') && resolve())
  })
  server.removeAllListeners('exit')
  return { options: { port }, where: `a Redis server of this demo, on port ${port}`, stop: () => server.kill() }
}

const storage = readArguments()
installPackages()
build()

const dir = mkdtempSync(join(tmpdir(), 'flowkit-demo-'))
const path = join(dir, 'conversations.db')
/** `store` is how the command line names it, if it outlives this demo. */
const places = {
  sqlite: () => ({ options: { path }, where: `the SQLite database ${path}`, store: path }),
  file: () => ({ options: { dir, pretty: true }, where: `JSON files in ${dir}`, store: dir }),
  memory: () => ({ options: undefined, where: 'the memory of each process' }),
  redis: () => openRedis(dir),
}
const { options, where, store, stop } = await places[storage]()
// What is left for a look is the user's to remove.
const stays = store === path || store === dir
/** Runs an example in a process of its own. */
const example = (name, argument) => {
  const { status } = attempt(process.execPath, [`examples/${name}`, JSON.stringify(argument)], { shell: false })
  if (status !== 0) throw new Error(`the process of ${name} failed`)
}
const turn = (messages) => {
  const colour = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR
  example('conversation.mjs', { adapter: storage, options, messages, colour })
}
try {
  say(`\nA conversation, kept in ${where}.`)
  say('\nFirst process:')
  turn(['Ana', 'the biggest you have'])
  say('\nThat process has ended. A second one takes over:')
  turn(storage === 'memory' ? ['Ana'] : ['large, then', 'yes please'])
  say(
    storage === 'memory'
      ? '\nMemoryStorage forgets with its process, as documented: use it for development and tests.'
      : '\nThe conversation went on where it was left: step, slots and history survived the restart.',
  )
  say('\nTwo messages at once, while a model thinks:')
  example('two-messages.mjs', { adapter: storage, options })
  if (store !== undefined) {
    say('\nLook at what is stored:')
    for (const command of [`ls ${store}`, `show ${store} whatsapp:+573001234567`, `studio ${store}`]) {
      console.log(`  node cli/main.js ${command}`)
    }
    console.log('In your own project it is npx @andresaya/flowkit-storage. The last one opens a page for your browser.')
    if (stays) console.log(`Remove it with rm -r ${dir}`)
  }
} finally {
  stop?.()
  if (!stays) rmSync(dir, { recursive: true, force: true })
}
