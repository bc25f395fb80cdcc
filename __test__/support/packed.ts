import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const WINDOWS = process.platform === 'win32'

/** A C library other than glibc has no version of it to report. */
const MUSL =
  process.platform === 'linux' &&
  (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime === undefined

/** What a user's own shell would have: nothing of this test runner's. */
const FOREIGN =
  /^(VITEST|JEST|NAPI_|npm_(package|lifecycle|command|execpath)|NODE_(ENV|PATH|OPTIONS|V8_COVERAGE)$|TEST$)/
export const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.test(name)))

/** The Node.js versions that users have. */
export const MAJORS = [20, 22, 24]

/** The command line of a Node.js of this major version; the running one where it is that. */
export function nodeOf(major: number, workshop: string): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  return join(workshop, 'node_modules', `node${major}`, 'bin', WINDOWS ? 'node.exe' : 'node')
}

/** What the projects are compiled, tested and run with. */
function tools(): string[] {
  const platform = WINDOWS ? 'win' : process.platform
  // These packages hold the program itself. There are none for musl.
  const nodes = MAJORS.filter((major) => !MUSL && !process.versions.node.startsWith(`${major}.`)).map(
    (major) => `node${major}@npm:node-${platform}-${process.arch}@${major}`,
  )
  const types = ['@types/node@20', '@types/better-sqlite3@7']
  return ['jest@30', 'vitest@4', 'typescript@7', 'typescript5@npm:typescript@5', ...types, 'publint@0.3', ...nodes]
}

export const HAS_ALL_NODES = !MUSL

function npm(cwd: string, args: string[]): Promise<{ stdout: string }> {
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  return run('npm', [...args, ...quiet], { cwd, env: ENVIRONMENT, shell: WINDOWS, timeout: 150_000 })
}

/** Installs the tools, once for each set of them: they are 500 MB. */
async function installTools(): Promise<string> {
  const wanted = JSON.stringify(tools())
  const cache = join(ROOT, 'node_modules', '.cache', 'switching')
  const mark = join(cache, 'installed.json')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return join(cache, 'node_modules')
  await rm(cache, { recursive: true, force: true })
  await mkdir(cache, { recursive: true })
  await writeFile(join(cache, 'package.json'), '{ "private": true }')
  await npm(cache, ['install', '--prefer-offline', ...tools()])
  // Compiled already, for the running Node.js.
  const sqlite = dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json'))
  await symlink(sqlite, join(cache, 'node_modules', 'better-sqlite3'), 'junction')
  await writeFile(mark, wanted)
  return join(cache, 'node_modules')
}

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
  await copyFile(join(ROOT, addon), join(staging, addon))
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
