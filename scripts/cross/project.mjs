// A project that has the packages as a user of the platform installs them: from tarballs, and nothing compiled.
import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { ROOT } from '../setup.mjs'
import { CACHE, need } from './cache.mjs'

const PROGRAMS = fileURLToPath(new URL('programs', import.meta.url))

const npm = (args, cwd) => need(`npm ${args[0]} failed in ${basename(cwd)}`, 'npm', args, { cwd })

function pack(from, to) {
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--pack-destination', to], from))
  return join(to, filename)
}

/** Returns a fresh project with the package, the native package of a target with `addon` in it, and the programs. */
export function makeProject({ native }, addon) {
  const project = join(CACHE, 'projects', native)
  rmSync(project, { recursive: true, force: true })
  const staging = join(project, 'native')
  mkdirSync(staging, { recursive: true })
  cpSync(join(ROOT, 'npm', native), staging, { recursive: true })
  copyFileSync(addon, join(staging, `flowkit-storage.${native}.node`))
  const packages = [pack(ROOT, project), pack(staging, project), 'better-sqlite3@13', 'ioredis@5', 'fast-check@4']
  rmSync(staging, { recursive: true })

  writeFileSync(join(project, 'package.json'), '{ "private": true }\n')
  // No scripts: they would compile for this machine. By force: the native package is not for this machine.
  npm(['install', '--force', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...packages], project)
  for (const program of readdirSync(PROGRAMS)) copyFileSync(join(PROGRAMS, program), join(project, program))
  return project
}
