import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A real Redis server of our own, on a free port, with its data in a directory of its own. */
export interface RedisServer {
  port: number
  /** The path of its Unix socket. */
  socket: string
  dir: string
  process: ChildProcess
  /** Ends it by `SIGKILL` and starts it again on the same port and data. */
  crashAndRestart(): Promise<void>
  stop(): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Starts `redis-server` with further arguments, such as `--appendonly yes`. */
export async function startRedis(...args: string[]): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'flowkit-redis-'))
  const port = await freePort()
  const socket = join(dir, 'redis.sock')
  const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--unixsocket', socket, '--save', '']
  const launch = async () => {
    const child = spawn('redis-server', [...base, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    await new Promise<void>((resolve, reject) => {
      let output = ''
      child.on('error', () => reject(new Error('redis-server is not installed; `npm test` installs it where it may')))
      child.on('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${output}`)))
      child.stdout.on('data', (chunk) => {
        output += chunk
        if (output.includes('Ready to accept connections')) resolve()
      })
    })
    child.removeAllListeners('exit')
    return child
  }
  const ended = (child: ChildProcess) =>
    new Promise<void>((resolve) =>
      (child.exitCode ?? child.signalCode) === null ? child.once('exit', () => resolve()) : resolve(),
    )
  const server: RedisServer = {
    port,
    socket,
    dir,
    process: await launch(),
    async crashAndRestart() {
      server.process.kill('SIGKILL')
      await ended(server.process)
      server.process = await launch()
    },
    async stop() {
      server.process.kill('SIGKILL')
      await ended(server.process)
      await rm(dir, { recursive: true, force: true })
    },
  }
  return server
}

/** Three masters of a real cluster, each with a third of the slots. */
export async function startCluster(): Promise<{ ports: number[]; stop(): Promise<void> }> {
  const servers = await Promise.all(
    Array.from({ length: 3 }, async () => {
      // The bus would listen at port + 10000, which may be out of range.
      const bus = String(await freePort())
      return startRedis('--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '2000')
    }),
  )
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'])
  return {
    ports: servers.map(({ port }) => port),
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}
