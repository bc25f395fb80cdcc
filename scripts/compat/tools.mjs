// The tools of other people: runtimes and package managers. They are installed once and kept from run to run.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from '../setup.mjs'
import { runToEnd } from './processes.mjs'

/** A gigabyte, with the tarballs that rows install. */
export const CACHE = join(ROOT, 'node_modules', '.cache', 'compat')
const WINDOWS = process.platform === 'win32'
const EXE = WINDOWS ? '.exe' : ''

/** The reason why a row, or a part of it, cannot be run on this machine. */
export class Skip extends Error {}

/** @param {NodeJS.ProcessEnv} env with which the tools are installed */
export function openTools(env) {
  const installing = new Map()

  /** Returns the directory of the modules that hold a tool, such as `pnpm@12`. */
  function toolOf(spec) {
    if (!installing.has(spec)) installing.set(spec, installTool(spec, env))
    return installing.get(spec)
  }

  return {
    toolOf,
    /** Returns the path of a Node.js of this major version; the running one where it is that. */
    async nodeOf(major) {
      if (process.versions.node.startsWith(`${major}.`)) return process.execPath
      const name = `node-${WINDOWS ? 'win' : process.platform}-${process.arch}`
      return join(await toolOf(`${name}@${major}`), name, 'bin', `node${EXE}`)
    },
    async bunOf() {
      return findProgram(await toolOf('bun@1'), '@oven', join('bin', `bun${EXE}`))
    },
    async pnpmOf() {
      return findProgram(await toolOf('pnpm@12'), '@pnpm', `pnpm${EXE}`)
    },
    async denoOf() {
      return findProgram(await toolOf('deno@2'), '@deno', `deno${EXE}`)
    },
  }
}

/** A package in `scope` holds the program for this machine. The install script that would move it is not run. */
function findProgram(modules, scope, program) {
  const packages = existsSync(join(modules, scope)) ? readdirSync(join(modules, scope)) : []
  const found = packages.map((name) => join(modules, scope, name, program)).find((path) => existsSync(path))
  if (found === undefined) throw new Skip(`there is no ${program} for this machine in ${scope}`)
  return found
}

async function installTool(spec, env) {
  const dir = join(CACHE, 'tools', spec.replaceAll('/', '+'))
  const mark = join(dir, 'installed')
  if (existsSync(mark)) return join(dir, 'node_modules')
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'package.json'), '{ "private": true }')
  await install(dir, [spec], env)
  writeFileSync(mark, '')
  return join(dir, 'node_modules')
}

/**
 * Installs packages by npm. Runs no install scripts: the binaries that are needed are in the packages themselves. Tries twice,
 * since a network may fail for a moment.
 */
export async function install(cwd, specs, env) {
  const args = ['install', '--ignore-scripts', '--loglevel=error', ...specs]
  let why = ''
  for (let attempt = 0; attempt < 2; attempt++) {
    const { code, output, errors } = await runToEnd('npm', args, { cwd, env, shell: WINDOWS })
    if (code === 0) return
    const lines = `${errors}${output}`.split('\n').filter((line) => line.trim() !== '' && !/complete log/.test(line))
    why = lines[0] ?? `npm ended with ${code}`
  }
  throw new Skip(`${specs.join(', ')} could not be installed: ${why}`)
}

/** Returns the version of a package that is installed. */
export function versionOf(modules, name) {
  return JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version
}

/** Returns the path of a program of a package. */
export function programOf(modules, name, program) {
  const { bin } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'))
  return join(modules, name, typeof bin === 'string' ? bin : bin[program])
}
