// Where it was measured. Nothing here names a directory.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import { basename } from 'node:path'

import { ROOT } from '../../scripts/setup.mjs'
import { VERSIONS } from './packages.mjs'
import { redisVersion } from './redis-server.mjs'

const require = createRequire(import.meta.url)

function output(command, args) {
  const { stdout, status } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** `ext4`, or `undefined` where nothing tells. */
export function fileSystemOf(directory) {
  const [device, type] = output('df', ['-PT', directory])?.split('\n').at(-1)?.split(/\s+/) ?? []
  return isWithoutJournal(device, type) ? `${type} without a journal` : type
}

/** Such an ext4 looks for an inode among all that were freed in the last minutes, and a save frees one. */
function isWithoutJournal(device, type) {
  if (type !== 'ext4') return false
  try {
    return !readdirSync('/proc/fs/jbd2').some((name) => name.startsWith(`${basename(device)}-`))
  } catch {
    // There is none at all, or nothing tells.
    return existsSync(`/proc/fs/ext4/${basename(device)}`)
  }
}

/** @param {string} directory where the measurements write */
export function describeEnvironment(directory) {
  const cpus = os.cpus()
  const changed = output('git', [
    'status',
    '--porcelain',
    '--untracked-files=no',
    '--',
    'src',
    'lib',
    'index.js',
    'benchmark',
  ])
  const commit = output('git', ['rev-parse', '--short=12', 'HEAD'])
  const { version } = require('../../package.json')
  const Database = require('better-sqlite3')
  const memory = new Database(':memory:')
  const sqlite = memory.prepare('SELECT sqlite_version()').pluck().get()
  memory.close()
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: `${commit ?? 'unknown'}${changed ? ' with changes' : ''}`,
    package: version,
    processor: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    load: os.loadavg()[0].toFixed(2),
    fileSystem: fileSystemOf(directory) ?? 'unknown',
    node: process.version,
    redis: redisVersion() ?? 'none',
    sqlite: `better-sqlite3 ${versionOf('better-sqlite3')} with SQLite ${sqlite}`,
    packages: { ioredis6: versionOf('ioredis6'), ...VERSIONS },
  }
}

function versionOf(name) {
  return JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')).version
}
