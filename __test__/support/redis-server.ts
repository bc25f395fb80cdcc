import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort } from './ports.js'

/** A real Redis server of our own, on a free port, with its data in a directory of its own. */
export interface RedisServer {
  port: number
  /** The path of its Unix socket. */
  socket: string
  dir: string
  process: ChildProcess
  /** Ends it by `SIGKILL`; its data stay. */
  kill(): Promise<void>
  /** Starts it again on the same port and data, with `args` in addition. */
  restart(...args: string[]): Promise<void>
  /** Both. */
  crashAndRestart(): Promise<void>
  stop(): Promise<void>
}

/** Ended with this process, whatever the tests forgot or could not reach any more. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts `redis-server` and resolves once it prints `ready`. */
export async function launch(args: string[], ready: string): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const failed = (code: number | null) => reject(new Error(`redis-server ended with ${code}: ${output}`))
    child.once('error', () => reject(new Error('redis-server is not installed; `npm test` installs it where it may')))
    child.once('exit', failed)
    child.stdout.on('data', (chunk) => {
      output = `${output}${chunk}`.slice(-10_000)
      if (!output.includes(ready)) return
      child.off('exit', failed)
      child.stdout.removeAllListeners('data').resume()
      resolve()
    })
    child.stderr.resume()
  })
  return child
}

/** Ends a process by `SIGKILL`, also one that is stopped, and waits until it is gone. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

/** Starts `redis-server` with further arguments, such as `--appendonly yes`. */
export async function startRedis(...args: string[]): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'flowkit-redis-'))
  const port = await freePort()
  const socket = join(dir, 'redis.sock')
  const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--unixsocket', socket, '--save', '']
  const start = (more: string[] = []) => launch([...base, ...args, ...more], 'Ready to accept connections')
  const server: RedisServer = {
    port,
    socket,
    dir,
    process: await start(),
    kill: () => end(server.process),
    async restart(...more) {
      server.process = await start(more)
    },
    async crashAndRestart() {
      await server.kill()
      await server.restart()
    },
    async stop() {
      await server.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
  return server
}
