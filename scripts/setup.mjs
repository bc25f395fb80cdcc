// What the front-door commands share: each brings a fresh clone to the point where it can do its work.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

import { findChromium } from '../__test__/support/chromium.mjs'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

const WINDOWS = process.platform === 'win32'
const require = createRequire(import.meta.url)

/** Announces a step. */
export function say(text) {
  const bold = process.stdout.isTTY && !process.env.NO_COLOR
  console.log(bold ? `\u001b[1m${text}\u001b[0m` : text)
}

/** Runs a command in the project's root, showing its output. Ends this process if it fails. */
export function run(command, args, options = {}) {
  const { status, error } = attempt(command, args, options)
  if (status === 0) return
  const why = error ? error.message : `it ended with ${status}`
  console.error(`\n${[command, ...args].join(' ')}: ${why}`)
  process.exit(1)
}

/** Runs a command in the project's root and returns how it ended. */
export function attempt(command, args, options = {}) {
  return spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', shell: WINDOWS, ...options })
}

/** Runs a tool of `node_modules/.bin`. */
export function runTool(name, args, options) {
  run('npx', ['--no-install', name, ...args], options)
}

function changed(path) {
  return existsSync(`${ROOT}/${path}`) ? statSync(`${ROOT}/${path}`).mtimeMs : 0
}

/** Installs the development packages, unless they are there. Runs no install scripts: nothing is compiled yet. */
export function installPackages() {
  if (changed('node_modules/.package-lock.json') >= changed('package-lock.json')) return
  say('Installing packages ...')
  // Not `npm ci`: it refuses a lock file that was made where a tool's build for another platform could not be had.
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'])
}

/** Compiles the addon. Cargo does nothing where nothing has changed. */
export function build({ debug = false } = {}) {
  if (attempt('cargo', ['--version'], { stdio: 'ignore' }).status !== 0) {
    console.error('Rust is missing. Install it from https://rustup.rs and try again.')
    process.exit(1)
  }
  say('Building the addon (a few minutes the first time) ...')
  run('npm', ['run', '--silent', debug ? 'build:debug' : 'build'])
}

/** The packages with native parts that the tests compare with. */
export function compileTestPackages() {
  try {
    ;new (require('better-sqlite3'))(':memory:').close()
  } catch {
    say('Compiling better-sqlite3 ...')
    run('npm', ['rebuild', 'better-sqlite3', '--no-audit', '--no-fund'])
  }
}

/** Sees to it that `redis-server` can be started. */
export function installRedis() {
  installProgram({
    name: 'redis-server',
    present: () => attempt('redis-server', ['--version'], { stdio: 'ignore' }).status === 0,
    packages: ['redis-server', 'redis-tools'],
    brew: 'redis',
  })
}

/** Sees to it that certificates can be made, for the tests of encrypted connections. */
export function installOpenssl() {
  installProgram({
    name: 'openssl',
    present: () => attempt('openssl', ['version'], { stdio: 'ignore' }).status === 0,
    packages: ['openssl'],
    brew: 'openssl',
  })
}

/** Sees to it that a PostgreSQL server can be started. It is for the tests of an example only. */
export function installPostgres() {
  const debian = '/usr/lib/postgresql'
  installProgram({
    name: 'postgresql',
    // Debian keeps the server out of the PATH.
    present: () =>
      (existsSync(debian) && readdirSync(debian).some((version) => existsSync(`${debian}/${version}/bin/initdb`))) ||
      attempt('initdb', ['--version'], { stdio: 'ignore' }).status === 0,
    packages: ['postgresql'],
    brew: 'postgresql',
  })
}

/** Sees to it that system calls can be traced, on Linux: what a power loss may leave, and which paths an id leads to. */
export function installStrace() {
  if (process.platform !== 'linux') return
  installProgram({
    name: 'strace',
    present: () => attempt('strace', ['--version'], { stdio: 'ignore' }).status === 0,
    packages: ['strace'],
    brew: 'strace',
  })
}

/** Installs the programs that mount file systems in user space, on Linux. The tests of one that is missing are left out. */
export function installFileSystems() {
  const programs = ['mount.exfat-fuse', 'mkfs.exfat', 'lowntfs-3g', 'encfs', 'bindfs', 'mergerfs', 'mkfs.btrfs']
  const isMissing = (name) => attempt('which', [name], { stdio: 'ignore' }).status !== 0
  if (process.platform !== 'linux' || !programs.some(isMissing)) return
  installPackage('file systems', [
    'exfat-fuse',
    'exfatprogs',
    'ntfs-3g',
    'encfs',
    'bindfs',
    'mergerfs',
    'libfaketime',
    'btrfs-progs',
  ])
}

/** Installs a browser, on Debian and its kind. The tests of the viewer's page are left out if there is none. */
export function installChromium() {
  if (findChromium() === undefined) installPackage('chromium')
}

function installPackage(name, packages = [name]) {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  say(`Installing ${name} ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  attempt('apt-get', ['update', '-qq'], { env })
  attempt('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env })
}

function installProgram({ name, present, packages, brew }) {
  if (present()) return
  installPackage(name, packages)
  if (present()) return
  console.error(
    `The tests need ${name}. Install it (apt-get install ${packages[0]}, brew install ${brew}) and try again.`,
  )
  process.exit(1)
}
