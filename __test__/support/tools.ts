import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const WINDOWS = process.platform === 'win32'

/** A C library other than glibc has no version of it to report. */
export const MUSL =
  process.platform === 'linux' &&
  (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime === undefined

/** The environment that a user's own shell would have: nothing of this test runner's. */
const FOREIGN =
  /^(VITEST|JEST|NAPI_|npm_(package|lifecycle|command|execpath)|NODE_(ENV|PATH|OPTIONS|V8_COVERAGE)$|TEST$)/
export const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.test(name)))

/** The Node.js versions that users have. */
export const MAJORS = [20, 22, 24, 26]

/** The command line of a Node.js of this major version; the running one where it is that. */
export function nodeOf(major: number, modules: string): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  return join(modules, `node${major}`, 'bin', WINDOWS ? 'node.exe' : 'node')
}

/** The tools that the projects are compiled, tested and run with. */
function tools(): string[] {
  const platform = WINDOWS ? 'win' : process.platform
  // These packages hold the program itself. There are none for musl.
  const nodes = MAJORS.filter((major) => !MUSL && !process.versions.node.startsWith(`${major}.`)).map(
    (major) => `node${major}@npm:node-${platform}-${process.arch}@${major}`,
  )
  const types = ['@types/node@20', '@types/better-sqlite3@7']
  // These hold their binaries themselves, for Node.js 22 and newer: nothing is compiled.
  const sqlites = ['better-sqlite3-13@npm:better-sqlite3@13', 'better-sqlite3-multiple-ciphers@13']
  // They compile SQLite to WebAssembly, and look like better-sqlite3 at first sight.
  const lookAlikes = ['sql.js@1', 'node-sqlite3-wasm@0.8']
  return [
    ...sqlites,
    ...lookAlikes,
    'jest@30',
    'jest-environment-jsdom@30',
    'vitest@4',
    'happy-dom@20',
    'typescript@7',
    'typescript5@npm:typescript@5',
    'typescript50@npm:typescript@5.0',
    ...types,
    'publint@0.3',
    ...nodes,
  ]
}

export const HAS_ALL_NODES = !MUSL

/** Runs npm, which prints nothing of its own. */
export function npm(cwd: string, args: string[]): Promise<{ stdout: string }> {
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  return run('npm', [...args, ...quiet], { cwd, env: ENVIRONMENT, shell: WINDOWS, timeout: 900_000 })
}

/** Installs the tools, once for each set of them: they are 500 MB. */
export async function installTools(): Promise<string> {
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
