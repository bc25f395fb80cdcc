// `npm run cross`: builds the addon for other platforms, and tests the packed packages there. Needs Linux x64.
//
//   npm run cross                      every target of scripts/cross/targets.mjs
//   npm run cross -- linux-x64-musl    some of them
//   npm run cross -- --write           puts the rows into the table of docs/platforms.md
//   npm run cross -- --check           compiles and lints only (clippy)
//
//   FLOWKIT_CROSS_CACHE    the folder for what is fetched and built
//   FLOWKIT_CROSS_VERBOSE  set: prints why something cannot be fetched
//
// What this machine lacks is skipped, with the reason in the table. Nothing is installed.
import { setPriority } from 'node:os'

import { build, lint } from './cross/build.mjs'
import { Missing } from './cross/cache.mjs'
import { openMachine } from './cross/machines.mjs'
import { makeProject } from './cross/project.mjs'
import { startRedis } from './cross/redis.mjs'
import { showTable, writeTable } from './cross/table.mjs'
import { TARGETS } from './cross/targets.mjs'
import { tryOut } from './cross/trial.mjs'
import { say } from './setup.mjs'

const args = process.argv.slice(2)
const chosen = TARGETS.filter(({ native }) => args.length === args.filter(isFlag).length || args.includes(native))
const unknown = args.filter((arg) => !isFlag(arg) && !TARGETS.some(({ native }) => native === arg))
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}. There are ${TARGETS.map(({ native }) => native).join(', ')}.`)
  process.exit(2)
}

function isFlag(arg) {
  return ['--check', '--write'].includes(arg)
}

/** Returns the result of `step` and the seconds that it took. */
function timed(step) {
  const start = Date.now()
  const result = step()
  return [result, Math.round((Date.now() - start) / 1000)]
}

function testTarget(target, redis) {
  const [{ path, glibc, warnings }, seconds] = timed(() => build(target))
  const row = { build: `${seconds} s`, ...(glibc && { glibc }) }
  const compiled = {
    row: { ...row, result: warnings.length === 0 ? 'compiles and links' : 'FAILED' },
    faults: warnings,
  }
  if (target.machine === undefined) return compiled
  const [{ cells, faults }, tested] = timed(() => tryOut(openMachine(target), makeProject(target, path), redis))
  const found = [...warnings, ...faults]
  return {
    row: { ...row, ...cells, tests: `${tested} s`, result: found.length === 0 ? 'ok' : 'FAILED' },
    faults: found,
  }
}

function lintTarget(target) {
  const [, seconds] = timed(() => lint(target))
  return { row: { clippy: `${seconds} s`, result: 'ok' }, faults: [] }
}

// Nobody waits for it.
setPriority(3)
const start = Date.now()
const redis = args.includes('--check') ? undefined : await startRedis()
const rows = []
for (const target of chosen) {
  say(`${target.native} ...`)
  let outcome
  try {
    if (process.platform !== 'linux' || process.arch !== 'x64') throw new Missing('needs Linux x64')
    outcome = args.includes('--check') ? lintTarget(target) : testTarget(target, redis)
  } catch (error) {
    const skipped = error instanceof Missing
    outcome = {
      row: { result: skipped ? `skipped: ${error.message}` : 'FAILED' },
      faults: skipped ? [] : [error.message],
    }
  }
  rows.push({ target: target.native, ...outcome.row })
  for (const fault of outcome.faults) console.error(fault)
}
redis?.stop()
const minutes = Math.ceil((Date.now() - start) / 60_000)
showTable(rows, minutes)
if (args.includes('--write')) writeTable(rows)
process.exitCode = rows.some(({ result }) => result === 'FAILED') ? 1 : 0
