// Packs the root package and every native one, as a release does.
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from '../setup.mjs'
import { runQuietly } from './processes.mjs'

/** A C library other than glibc has no version of it to report. */
const MUSL = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined
const ABI = { linux: MUSL ? '-musl' : '-gnu', win32: '-msvc' }[process.platform] ?? ''
/** The target that this machine runs, as its package in `npm/` is called. */
export const TARGET = `${process.platform}-${process.arch}${ABI}`

/**
 * Packs into a directory. Only this machine's native package has a binary in it: the others are there so that a lock file
 * can name them.
 *
 * @returns {Promise<{ manifest: object, path: string }[]>} the root package comes first
 */
export async function packAll(dir) {
  const addon = `flowkit-storage.${TARGET}.node`
  if (!existsSync(join(ROOT, addon))) throw new Error(`${addon} is missing: npm run build makes it.`)
  mkdirSync(dir, { recursive: true })
  const natives = []
  for (const target of readdirSync(join(ROOT, 'npm'))) {
    const staging = join(dir, target)
    cpSync(join(ROOT, 'npm', target), staging, { recursive: true })
    if (target === TARGET) copyFileSync(join(ROOT, addon), join(staging, addon))
    natives.push(await pack(staging, dir))
  }
  // A release writes the natives into the packed manifest; they are not in the repository.
  const plain = await pack(ROOT, dir)
  const staging = join(dir, 'root')
  mkdirSync(staging)
  await runQuietly('tar', ['-xzf', plain.path, '-C', staging, '--strip-components=1'])
  const optionalDependencies = Object.fromEntries(natives.map(({ manifest }) => [manifest.name, manifest.version]))
  writeFileSync(join(staging, 'package.json'), JSON.stringify({ ...plain.manifest, optionalDependencies }, null, 2))
  return [await pack(staging, dir), ...natives]
}

async function pack(from, to) {
  const args = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', to]
  const { output } = await runQuietly('npm', args, { cwd: from })
  const [{ filename }] = JSON.parse(output)
  return { manifest: JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')), path: join(to, filename) }
}
