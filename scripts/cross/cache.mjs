// What a run fetches and builds is kept outside of the repository, so that the next run takes less time.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const CACHE =
  process.env.FLOWKIT_CROSS_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'flowkit-storage-cross')

/** The reason why something is skipped: this machine lacks what it needs. */
export class Missing extends Error {}

/** Returns the folder `name` of the cache. Has `fill` fill it if it is not there; half of a folder is never kept. */
export function cached(name, fill) {
  const folder = join(CACHE, name)
  if (existsSync(folder)) return folder
  const partial = `${folder}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  fill(partial)
  renameSync(partial, folder)
  return folder
}

/** Runs a program that fetches or unpacks, and returns its output. Skips with `reason` if that fails. */
export function need(reason, command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1e8,
    ...options,
    env: { ...process.env, ...options.env },
  })
  if (status === 0) return stdout
  if (process.env.FLOWKIT_CROSS_VERBOSE) console.error(error?.message ?? stderr)
  throw new Missing(reason)
}
