// A Redis server for the tests, which programs on every machine reach: they share the network of this one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

/** Starts a server on a free port and tells it to the programs. Returns `undefined` if there is none on this machine. */
export async function startRedis() {
  const port = await freePort()
  const server = spawn('redis-server', ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ready = new Promise((resolve) => {
    server.on('error', () => resolve(false))
    server.on('exit', () => resolve(false))
    createInterface(server.stdout).on('line', (line) => line.includes('Ready to accept connections') && resolve(true))
  })
  if (!(await ready)) return undefined
  process.env.FLOWKIT_REDIS_PORT = port
  return { stop: () => server.kill() }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return String(port)
}
