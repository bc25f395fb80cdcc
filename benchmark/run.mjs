// `npm run bench`: compares each adapter with what a user would otherwise run. README.md says how.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build, compileTestPackages, installPackages, ROOT } from '../scripts/setup.mjs'
import { readOptions, USAGE } from './harness/options.mjs'

const BENCHMARK = fileURLToPath(new URL('.', import.meta.url))

let options
try {
  options = readOptions(process.argv.slice(2))
} catch (error) {
  console.error(`${error.message}\n\n${USAGE}`)
  process.exit(2)
}
if (options === undefined) {
  console.log(USAGE)
  process.exit(0)
}

installPackages()
compileTestPackages()
if (!process.env.BENCHMARK_NO_BUILD) build()

// What needs the packages and the addon.
const { installCompared } = await import('./harness/packages.mjs')
const { describeEnvironment, fileSystemOf } = await import('./harness/environment.mjs')
const { redisVersion } = await import('./harness/redis-server.mjs')

const leftOut = []
const redis = redisVersion() !== undefined
if (!redis) leftOut.push('Redis; there is no redis-server.')
const compared = !options.quick && !options.scale && installCompared()
if (options.quick)
  leftOut.push('keyv, unstorage, LangGraph, write-file-atomic and other variants of the references; this is --quick.')
else if (!compared && !options.scale) leftOut.push('the other packages; they could not be installed.')

const root = mkdtempSync(join(options.directory ? resolve(options.directory) : realDisk(), 'flowkit-benchmark-'))
process.once('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }))
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130))

const environment = describeEnvironment(root)
if (isInMemory(environment.fileSystem))
  leftOut.push('**the disk: the directory is in memory, and a sync costs nothing.**')
const context = { options, environment, root, redis, compared, leftOut }
const { measureTables } = await import('./harness/tables.mjs')
const { measureScale } = await import('./scale/index.mjs')
const { file, markdown, charts, data } = await (options.scale ? measureScale : measureTables)(context)

const partial = options.scale || options.complete ? BENCHMARK : join(BENCHMARK, 'partial')
const output = options.output ? resolve(options.output) : partial
mkdirSync(join(output, 'charts'), { recursive: true })
writeFileSync(join(output, file), markdown)
for (const { name, svg } of charts) writeFileSync(join(output, 'charts', name), svg)
if (options.json) writeFileSync(resolve(options.json), `${JSON.stringify(data, null, 1)}\n`)
console.log(markdown)

/** The system's directory for temporary files, unless that is in memory. */
function realDisk() {
  if (!isInMemory(fileSystemOf(tmpdir()))) return tmpdir()
  const cache = join(ROOT, 'node_modules', '.cache')
  if (!existsSync(cache)) mkdirSync(cache, { recursive: true })
  return cache
}

function isInMemory(fileSystem) {
  return fileSystem === 'tmpfs' || fileSystem === 'ramfs'
}
