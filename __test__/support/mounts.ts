import { type SpawnSyncOptions, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

import { LONG } from './waiting.js'

/** Runs a program, and throws if it fails: the file system is then left out. */
function run(command: string, args: string[], options: SpawnSyncOptions = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { timeout: LONG, ...options })
  if (status === 0) return String(stdout ?? '').trim()
  throw new Error(error?.message ?? `${command}: ${String(stderr ?? '').trim()}`)
}

/** Mounts a file system on `dir`. `root` is an empty directory beside it. Returns what else has to be undone. */
type Mount = (root: string, dir: string) => (() => void) | undefined

/** Makes a file of this many bytes, with nothing in it. Returns its path. */
function image(root: string, bytes: number): string {
  const path = join(root, 'image')
  writeFileSync(path, '')
  truncateSync(path, bytes)
  return path
}

/** Ignores case, and gives each spelling of a name an inode number of its own. */
export const exfat: Mount = (root, dir) => {
  const path = image(root, 16 << 20)
  run('mkfs.exfat', [path])
  const device = run('losetup', ['--find', '--show', path])
  const detach = () => void run('losetup', ['--detach', device])
  try {
    run('mount.exfat-fuse', [device, dir])
  } catch (error) {
    detach()
    throw error
  }
  return detach
}

/** Gives a file that is replaced another place in its directory. */
export const btrfs: Mount = (root, dir) => {
  const path = image(root, 128 << 20)
  run('mkfs.btrfs', ['--quiet', path])
  run('mount', ['-o', 'loop', path, dir])
  return undefined
}

/** Ignores case, knows that the spellings of a name are one file, and shows names in lower case. */
export const ntfs: Mount = (root, dir) => {
  const path = image(root, 16 << 20)
  run('mkfs.ntfs', ['--quick', '--force', path])
  run('lowntfs-3g', ['-o', 'ignore_case', path, dir])
  return undefined
}

/** Has names of at most 175 bytes. */
export const encfs: Mount = (root, dir) => {
  mkdirSync(join(root, 'sealed'))
  run('encfs', ['--standard', '--stdinpass', join(root, 'sealed'), dir], { input: 'password\n' })
  return undefined
}

/** Dates its files two hours back, as a server does whose clock is wrong. */
export const clockBehind: Mount = (root, dir) => {
  mkdirSync(join(root, 'behind'))
  // Not the program `faketime`: it waits for the end of what it starts.
  // `FAKE_UTIME`: a date that is set is the one that is shown.
  const fake = { LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1', FAKETIME: '-2h', FAKE_UTIME: '1' }
  const env = { ...process.env, ...fake }
  run('bindfs', [join(root, 'behind'), dir], { env })
  writeFileSync(join(dir, 'probe'), '')
  if (Date.now() - statSync(join(dir, 'probe')).mtimeMs < 3_600_000) throw new Error('libfaketime is missing')
  return undefined
}

/**
 * Mounts a file system until the tests of this file are over. Returns its directory; `undefined` if this machine lacks the
 * program or may not mount.
 */
export function mount(name: string, how: Mount): string | undefined {
  if (process.platform !== 'linux') return undefined
  const root = mkdtempSync(join(tmpdir(), 'flowkit-mount-'))
  const dir = join(root, 'mounted')
  mkdirSync(dir)
  let undo: (() => void) | undefined
  const clean = () => {
    spawnSync('umount', [dir])
    undo?.()
    rmSync(root, { recursive: true, force: true })
  }
  try {
    if (!existsSync('/dev/fuse')) throw new Error('there is no FUSE')
    undo = how(root, dir)
    afterAll(clean)
    return dir
  } catch (error) {
    console.warn(`file-systems.spec.ts leaves out ${name}: ${(error as Error).message}`)
    clean()
    return undefined
  }
}

/** Mounts a file or a directory on another, or on itself. Returns whether that is allowed here. */
export function bind(from: string, to: string): boolean {
  return process.platform === 'linux' && spawnSync('mount', ['--bind', from, to]).status === 0
}

export function unmount(path: string): void {
  run('umount', [path])
}
