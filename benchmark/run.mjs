// `npm run bench`: compares each adapter with what a user would otherwise run, or this checkout with another one.
// README.md describes the method.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build, compileTestPackages, installPackages } from '../scripts/setup.mjs'

installPackages()
compileTestPackages()

// These need the packages.
const { planComparison, renderComparison } = await import('./compare.mjs')
const { measureCell, planResults } = await import('./harness/cells.mjs')
const { runChild } = await import('./harness/child.mjs')
const { describeEnvironment, makeRoot } = await import('./harness/environment.mjs')
const { readOptions, USAGE } = await import('./harness/options.mjs')
const { redisVersion } = await import('./harness/redis-server.mjs')
const { renderResults } = await import('./report/results.mjs')

const options = readOrExit()
if (!process.env.BENCHMARK_NO_BUILD) build()

const leftOut = []
if (redisVersion() === undefined && options.adapters.includes('redis')) {
  leftOut.push('Redis; there is no redis-server.')
  options.adapters = options.adapters.filter((name) => name !== 'redis')
}
const root = makeRoot(options.directory)
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130))

const data = { environment: describeEnvironment(root), options, leftOut, floors: [], cells: [] }
const comparison = { plan: planComparison, render: renderComparison, file: 'COMPARISON.md', floors: async () => [] }
const results = { plan: planResults, render: renderResults, file: 'RESULTS.md', floors: measureFloors }
const { plan, render, file, floors } = options.against === undefined ? results : comparison
data.floors = await floors()
const cells = plan(options)
for (const [index, cell] of cells.entries()) {
  data.cells.push(await measureCell(cell, options, root))
  console.log(`${index + 1} of ${cells.length}  ${describe(data.cells[index])}`)
}

const markdown = render(data)
const own = fileURLToPath(new URL(options.partial ? 'partial' : '.', import.meta.url))
const output = options.output ? resolve(options.output) : own
mkdirSync(output, { recursive: true })
writeFileSync(join(output, file), markdown)
if (options.json) writeFileSync(resolve(options.json), `${JSON.stringify(data, null, 1)}\n`)
console.log(`\n${markdown}`)

function readOrExit() {
  try {
    const read = readOptions(process.argv.slice(2))
    // Fails here if it is no built checkout, and not in the middle of the run.
    if (read?.against !== undefined) createRequire(import.meta.url)(read.against)
    if (read !== undefined) return read
    console.log(USAGE)
    process.exit(0)
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`)
    process.exit(2)
  }
}

/** Measures what the results are to be read against. */
function measureFloors() {
  const { sizes, concurrency, text, adapters, settings } = options
  const task = { sizes, concurrency, text, duration: settings.duration / 3 }
  return runChild('floors', task, { root, redis: adapters.includes('redis') })
}

function describe({ place, operation, size, chains, results }) {
  const parts = Object.entries(results).map(
    ([name, { figures, ratios }]) => `${name} ${Math.round(figures.rate)}/s (${ratios.rate?.median.toFixed(2)}x)`,
  )
  return `${place} ${operation} ${size} B x ${chains}: ${parts.join(', ')}`
}
