// Starts a redis-server for each measurement: the log of one server for all would grow by gigabytes.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'

/** The durability of a save, and no rewriting of the log in the middle of a measurement. */
const SETTINGS = '--appendonly yes --appendfsync everysec --auto-aof-rewrite-percentage 0 --save'.split(' ')

/** Returns a version such as `7.0.15`, or `undefined` if there is no redis-server. */
export function redisVersion() {
  const { stdout, status } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  return status === 0 ? /v=(\S+)/.exec(stdout)?.[1] : undefined
}

/** Returns a port that nobody listens on. */
export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = Object(server.address())
  await new Promise((resolve) => server.close(resolve))
  return port
}

/**
 * @param {string} directory does not exist yet
 * @returns {Promise<{ port: number, stop(): Promise<void> }>}
 */
export async function startRedis(directory) {
  mkdirSync(directory)
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, ...SETTINGS, '']
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve, reject) => {
    let output = ''
    child.on('error', reject)
    child.on('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${output}`)))
    child.stdout.on('data', (chunk) => {
      output += chunk
      if (output.includes('Ready to accept connections')) resolve(undefined)
    })
  })
  child.removeAllListeners('exit')
  // The server must not outlive an interrupted run.
  const kill = () => child.kill('SIGKILL')
  process.prependOnceListener('exit', kill)
  return {
    port,
    async stop() {
      // One that somebody else ended sends no event any more.
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      kill()
      await ended
      process.removeListener('exit', kill)
    },
  }
}
