// `npm run compat`: runs the packed packages, from a registry of this machine, in the runtimes, package managers and
// bundlers that users have. Needs the network, and minutes.
//
//     npm run compat -- node-20 esbuild     these rows only
//     npm run compat -- --write             writes docs/tools.md from the run; with rows, only these
//     npm run compat -- --no-build          takes the addon that is there, also one of `npm run build:debug`
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { BUNDLING } from './compat/bundlers.mjs'
import { MANAGERS } from './compat/managers.mjs'
import { makePage, printTables, updatePage } from './compat/page.mjs'
import { RUNTIMES } from './compat/runtimes.mjs'
import { Skip } from './compat/tools.mjs'
import { openWorkshop } from './compat/workshop.mjs'
import { build, compileTestPackages, installPackages, ROOT, say } from './setup.mjs'

const TABLES = [RUNTIMES, MANAGERS, BUNDLING]
const NAMES = TABLES.flatMap(({ rows }) => rows.map(({ name }) => name))

const { values: options, positionals: words } = parseArgs({
  options: { write: { type: 'boolean' }, 'no-build': { type: 'boolean' } },
  allowPositionals: true,
})
const unknown = words.filter((word) => !NAMES.includes(word))
if (unknown.length > 0) {
  console.error(`Usage: npm run compat [-- [--write] [rows]]\nRows: ${NAMES.join(', ')}`)
  process.exit(2)
}
installPackages()
compileTestPackages()
if (!options['no-build']) build()

const start = Date.now()
const workshop = await openWorkshop()
/** @type {Map<string, { result?: import('./compat/outcome.mjs').Result, skipped?: string, seconds: number }>} */
const outcomes = new Map()
let failures = 0
try {
  for (const { rows } of TABLES) {
    for (const row of rows) {
      if (words.length === 0 || words.includes(row.name)) outcomes.set(row.name, await runRow(row))
    }
  }
  report()
} finally {
  // Removes gigabytes.
  await workshop.close()
}
process.exitCode = failures === 0 ? 0 : 1

async function runRow(row) {
  const begun = Date.now()
  const end = (text, outcome) => {
    const seconds = Math.round((Date.now() - begun) / 1000)
    say(`${row.name}: ${text}, ${seconds} s`)
    return { ...outcome, seconds }
  }
  try {
    const result = await row.run(workshop)
    failures += result.problems.length
    const outcome = end(result.problems.length === 0 ? 'passed' : 'failed', { result })
    for (const problem of result.problems) console.error(problem)
    return outcome
  } catch (error) {
    if (error instanceof Skip) return end(`skipped, ${error.message}`, { skipped: error.message })
    failures++
    console.error(error)
    return end('failed', { skipped: 'failed' })
  }
}

function report() {
  const minutes = ((Date.now() - start) / 60_000).toFixed(1)
  console.log(`\n${printTables(TABLES, outcomes)}`)
  console.log(`${minutes} minutes, ${failures === 0 ? 'nothing failed' : `${failures} problems`}`)
  if (!options.write || failures > 0) return
  const path = join(ROOT, 'docs/tools.md')
  const all = words.length === 0
  writeFileSync(path, all ? makePage(TABLES, outcomes) : updatePage(readFileSync(path, 'utf8'), TABLES, outcomes))
}
