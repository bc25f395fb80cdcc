import { existsSync } from 'node:fs'
import { copyFile, cp, mkdtemp, realpath, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { installTools, MUSL, npm } from './tools.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A package made of a directory, and the files in it. */
export interface Tarball {
  path: string
  files: string[]
}

async function pack(from: string, to: string): Promise<Tarball> {
  const { stdout } = await npm(from, ['pack', '--json', '--pack-destination', to])
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[]
  if (packed === undefined) throw new Error(`npm packed nothing in ${from}`)
  return { path: join(to, packed.filename), files: packed.files.map(({ path }) => path).sort() }
}

/** The package in `npm/` for this machine, as a release packs it: with the addon in it. */
async function packNative(to: string): Promise<Tarball> {
  const abi = { linux: MUSL ? '-musl' : '-gnu', win32: '-msvc' }[process.platform as string] ?? ''
  const platform = `${process.platform}-${process.arch}${abi}`
  const tracked = join(ROOT, 'npm', platform)
  if (!existsSync(tracked)) throw new Error(`There is no package for this machine: npm/${platform} is missing.`)
  const addon = `flowkit-storage.${platform}.node`
  if (!existsSync(join(ROOT, addon))) throw new Error(`${addon} is missing: npm run build makes it.`)
  const staging = join(to, platform)
  await cp(tracked, staging, { recursive: true })
  for (const file of [addon, 'LICENSE', 'THIRD-PARTY-LICENSES']) await copyFile(join(ROOT, file), join(staging, file))
  return pack(staging, to)
}

/** Where projects are made: the packed packages, and the tools, which every project below this directory finds. */
export interface Workshop {
  dir: string
  root: Tarball
  native: Tarball
}

export async function openWorkshop(): Promise<Workshop> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'flowkit-switching-')))
  const [root, native, modules] = await Promise.all([pack(ROOT, dir), packNative(dir), installTools()])
  await symlink(modules, join(dir, 'node_modules'), 'junction')
  return { dir, root, native }
}

/** A fresh copy of `__test__/projects/TEMPLATE`, with the packages installed from nothing but their tarballs. */
export async function makeProject(workshop: Workshop, template: string, tarballs?: Tarball[]): Promise<string> {
  const project = await mkdtemp(join(workshop.dir, `${template}-`))
  await cp(join(ROOT, '__test__', 'projects', template), project, { recursive: true })
  const paths = (tarballs ?? [workshop.root, workshop.native]).map(({ path }) => path)
  await npm(project, ['install', '--offline', ...paths])
  return project
}
