import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { chownSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Pool } from 'pg'

import { freePort } from './ports.js'

/** A real PostgreSQL server of our own, on a free port, with its data in a directory of its own. */
export interface PostgresServer {
  /** A pool of 8 connections to it, as its superuser. Whoever opens one ends it. */
  openPool(): Pool
  stop(): Promise<void>
}

/** Where `initdb` and `postgres` may be: Debian keeps them out of the PATH, one directory for each version. */
function binaries(): string {
  const debian = '/usr/lib/postgresql'
  let versions: string[] = []
  try {
    versions = readdirSync(debian).sort((a, b) => Number(b) - Number(a))
  } catch {} // Another system.
  return [...versions.map((version) => join(debian, version, 'bin')), process.env.PATH].join(delimiter)
}

/** The server refuses to run as root: then it runs as the user that its package has made. */
function servant(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const ask = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: ask('-u'), gid: ask('-g') }
}

export async function startPostgres(): Promise<PostgresServer> {
  const dir = await mkdtemp(join(tmpdir(), 'flowkit-postgres-'))
  const user = servant()
  if (user !== undefined) chownSync(dir, user.uid, user.gid)
  const options = { ...user, cwd: dir, env: { ...process.env, PATH: binaries(), LC_ALL: 'C' } }
  const data = join(dir, 'data')
  const init = ['-D', data, '--username=flowkit', '--auth=trust', '--encoding=UTF8', '--no-sync']
  const made = spawnSync('initdb', init, { ...options, encoding: 'utf8' })
  if (made.error) throw new Error('PostgreSQL is not installed; `npm test` installs it where it may')
  if (made.status !== 0) throw new Error(`initdb ended with ${made.status}: ${made.stderr}`)
  const port = await freePort()
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off', lc_messages: 'C' }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn('postgres', ['-D', data, '-p', String(port), ...args], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await readiness(child)
  return {
    openPool: () => new Pool({ host: '127.0.0.1', port, user: 'flowkit', database: 'postgres', max: 8 }),
    async stop() {
      // Ends at once, and its own processes with it.
      child.kill('SIGQUIT')
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function readiness(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    child.on('error', reject)
    child.on('exit', (code) => reject(new Error(`postgres ended with ${code}: ${output}`)))
    child.stderr?.on('data', (chunk) => {
      output += chunk
      if (output.includes('ready to accept connections')) resolve()
    })
  })
}
