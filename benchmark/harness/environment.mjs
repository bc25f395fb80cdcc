// Describes where it was measured. No text names a directory of the machine.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import { basename, join } from 'node:path'

import { ROOT } from '../../scripts/setup.mjs'
import { redisVersion } from './redis-server.mjs'

const require = createRequire(import.meta.url)

function output(command, args) {
  const { stdout, status } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** Returns a name such as `ext4`, or `undefined` if the system does not provide it. */
function fileSystemOf(directory) {
  const [device, type] = output('df', ['-PT', directory])?.split('\n').at(-1)?.split(/\s+/) ?? []
  if (type === 'tmpfs' || type === 'ramfs') return `${type}, **in memory: a sync costs no time**`
  return isWithoutJournal(device, type) ? `${type} without a journal` : type
}

/** Such an ext4 searches for an inode among all those that were freed in the last minutes, and each save frees one. */
function isWithoutJournal(device, type) {
  if (type !== 'ext4') return false
  try {
    return !readdirSync('/proc/fs/jbd2').some((name) => name.startsWith(`${basename(device)}-`))
  } catch {
    // No ext4 of this machine has a journal, or /proc does not show any.
    return existsSync(`/proc/fs/ext4/${basename(device)}`)
  }
}

/**
 * Returns an empty directory that is removed at exit. By default it is beside the packages: the system's directory for
 * temporary files is often in memory.
 *
 * @param {string} [parent]
 */
export function makeRoot(parent = join(ROOT, 'node_modules', '.cache')) {
  mkdirSync(parent, { recursive: true })
  const root = mkdtempSync(join(parent, 'flowkit-benchmark-'))
  process.once('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }))
  return root
}

/** @param {string} directory where the measurements write */
export function describeEnvironment(directory) {
  const cpus = os.cpus()
  const commit = output('git', ['rev-parse', '--short=12', 'HEAD']) ?? 'unknown'
  const measured = ['--', '.', ':!benchmark/RESULTS.md']
  const changed = output('git', ['status', '--porcelain', '--untracked-files=no', ...measured])
  const Database = require('better-sqlite3')
  const memory = new Database(':memory:')
  const sqlite = memory.prepare('SELECT sqlite_version()').pluck().get()
  memory.close()
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: `${commit}${changed ? ' with changes' : ''}`,
    package: versionOf('../../package.json'),
    processor: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    load: os.loadavg()[0].toFixed(2),
    fileSystem: fileSystemOf(directory) ?? 'unknown',
    node: process.version,
    redis: redisVersion() ?? 'none',
    ioredis: versionOf('ioredis6/package.json'),
    sqlite: `better-sqlite3 ${versionOf('better-sqlite3/package.json')} with SQLite ${sqlite}`,
  }
}

function versionOf(file) {
  return JSON.parse(readFileSync(require.resolve(file), 'utf8')).version
}
