// The packages that are compared with and that nothing else here needs: fixed versions, in a directory of their own.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { attempt, ROOT, say } from '../../scripts/setup.mjs'

const CACHE = join(ROOT, 'node_modules', '.cache', 'benchmark')
const MARK = join(CACHE, 'installed.json')
const LOADER = join(CACHE, 'load.mjs')

/** @type {Record<string, string>} */
export const VERSIONS = JSON.parse(readFileSync(new URL('../packages.json', import.meta.url), 'utf8'))

/**
 * Imports one of the compared packages.
 *
 * @param {string} name
 * @returns {Promise<any>}
 */
export async function load(name) {
  const loader = await import(pathToFileURL(LOADER).href)
  return loader.load(name)
}

/**
 * Installs them, once for each set of versions. Answers whether they are there: without a network the rest can still be
 * measured.
 */
export function installCompared() {
  const wanted = JSON.stringify(VERSIONS)
  if (existsSync(MARK) && readFileSync(MARK, 'utf8') === wanted) return true
  say('Installing the packages to compare with ...')
  rmSync(CACHE, { recursive: true, force: true })
  mkdirSync(CACHE, { recursive: true })
  writeFileSync(join(CACHE, 'package.json'), JSON.stringify({ private: true, dependencies: VERSIONS }))
  // Resolves from here what it is asked for.
  writeFileSync(LOADER, 'export const load = (name) => import(name)\n')
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline']
  if (attempt('npm', ['install', ...quiet], { cwd: CACHE }).status !== 0) return false
  // The one that is compiled already: everybody has the same SQLite.
  const own = dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json'))
  const theirs = join(CACHE, 'node_modules', 'better-sqlite3')
  rmSync(theirs, { recursive: true, force: true })
  symlinkSync(own, theirs, 'junction')
  writeFileSync(MARK, wanted)
  return true
}
