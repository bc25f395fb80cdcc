// The runtimes: a program of checks, the contract under the runtime's own test runner, un-awaited saves, and loading times.
import { symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { runQuietly, runToEnd } from './processes.mjs'

const PACKAGES = ['ioredis@6', 'redis@6', 'fast-check@4']
const ENDINGS = ['natural end', 'process.exit()', 'uncaught exception']
const SAVES = 50
const LOADS = 20

/** @import { Result, Row } from './outcome.mjs' */

/** @type {(major: number) => Row} */
const nodeRow = (major) => ({
  name: `node-${major}`,
  title: `Node.js ${major}`,
  async run(workshop) {
    const command = await workshop.nodeOf(major)
    const version = await ask(command, '--version')
    return test(workshop, { command, run: [], test: ['--test', 'contract.test.mjs'], version, isOld: major < 22 })
  },
})

/** @type {{ name: string, head: string[], rows: Row[] }} */
export const RUNTIMES = {
  name: 'runtimes',
  head: ['checks', 'contract', 'un-awaited saves', '`require`, ms'],
  rows: [
    nodeRow(20),
    nodeRow(22),
    nodeRow(24),
    nodeRow(26),
    {
      name: 'bun',
      title: 'Bun',
      async run(workshop) {
        const command = await workshop.bunOf()
        const version = await ask(command, '--version')
        const args = ['test', '--timeout', '120000', './contract.test.mjs']
        return test(workshop, { command, run: ['run'], test: args, version })
      },
    },
    {
      name: 'deno',
      title: 'Deno',
      async run(workshop) {
        const command = await workshop.denoOf()
        const version = (await ask(command, '--version')).replace(/^deno (\S+)[\s\S]*$/, '$1')
        const args = ['test', '-A', '--no-check', 'contract.test.mjs']
        const result = await test(workshop, { command, run: ['run', '-A'], test: args, version })
        await testPermissions(workshop, command, result.problems)
        return result
      },
    },
  ],
}

const ask = async (command, ...args) => (await runQuietly(command, args)).output.trim().replace(/^v/, '')

/**
 * @param {import('./workshop.mjs').Workshop} workshop
 * @param {{ command: string, run: string[], test: string[], version: string, isOld?: boolean }} runtime `isOld`: for it
 *   there is only the line of better-sqlite3 that is compiled for one version of Node.js
 * @returns {Promise<Result>}
 */
async function test(workshop, runtime) {
  const project = workshop.makeProject('runtime', { type: 'commonjs' })
  await workshop.install(project, ...PACKAGES, ...(runtime.isOld ? [] : ['better-sqlite3@13']))
  if (runtime.isOld) linkCompiledSqlite(project)
  const problems = []
  const start = (args) => runToEnd(runtime.command, args, { cwd: project, env: workshop.env })
  const checks = await runChecks(start, runtime, problems)
  const contract = await runContract(start, runtime, problems)
  const kept = await countKept(start, runtime, project, problems)
  const load = await measureLoad(start, runtime)
  return {
    version: runtime.version,
    problems,
    cells: [checks.text, contract, kept, load],
    notes: checks.skipped.map(({ name, why }) => `left out: ${name} (${why})`),
  }
}

/** Uses the better-sqlite3 that this project has compiled already. */
function linkCompiledSqlite(project) {
  const compiled = dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json'))
  symlinkSync(compiled, join(project, 'node_modules', 'better-sqlite3'), 'junction')
}

async function runChecks(start, runtime, problems) {
  const { code, output, errors } = await start([...runtime.run, 'checks.mjs'])
  const line = output.split('\n').find((text) => text.startsWith('{"results"'))
  if (code !== 0 || line === undefined) {
    problems.push(`the checks ended with ${code}: ${output}${errors}`)
    return { text: 'failed', skipped: [] }
  }
  const { results } = JSON.parse(line)
  const having = (outcome) => results.filter((result) => result.outcome === outcome)
  for (const { name, why } of having('failed')) problems.push(`${name}: ${why}`)
  const skipped = having('skipped')
  return { text: `${having('passed').length} of ${results.length - skipped.length}`, skipped }
}

/** What each runner says at its end. */
const COUNTS = [/^\D*pass (\d+)$/m, /^ *(\d+) pass$/m, /\| \d+ passed \((\d+) steps\)/, /\| (\d+) passed/]

async function runContract(start, runtime, problems) {
  const { code, output, errors } = await start(runtime.test)
  const said = `${output}${errors}`
  const passed = COUNTS.map((count) => count.exec(said)?.[1]).find((count) => count !== undefined)
  if (code === 0 && Number(passed) > 0) return `${passed} cases`
  problems.push(`the contract ended with ${code}: ${said.slice(-3000)}`)
  return 'failed'
}

async function countKept(start, runtime, project, problems) {
  const counts = []
  for (const adapter of ['file', 'sqlite']) {
    for (const [index, ending] of ENDINGS.entries()) {
      const place = join(project, `ended-${adapter}-${index}${adapter === 'sqlite' ? '.db' : ''}`)
      await start([...runtime.run, 'ends.mjs', adapter, place, ending])
      const { output, errors } = await start([...runtime.run, 'ends.mjs', adapter, place, 'count'])
      counts.push(Number(output))
      if (Number(output) !== SAVES) problems.push(`${adapter}, ${ending}: kept ${output.trim()} of ${SAVES}${errors}`)
    }
  }
  return problems.length === 0 && counts.every((count) => count === SAVES)
    ? `${SAVES} of ${SAVES}, ×${counts.length}`
    : counts.join(', ')
}

/** The fastest of new processes, as what else the machine does makes them slower only. And their median. */
async function measureLoad(start, runtime) {
  const times = []
  for (let round = 0; round < LOADS; round++) {
    const { output } = await start([...runtime.run, 'require.cjs'])
    times.push(Number(output))
  }
  times.sort((a, b) => a - b)
  return `${times[0].toFixed(0)} (${times[LOADS / 2].toFixed(0)})`
}

/** What docs/tools.md recommends for Deno must be enough. */
async function testPermissions(workshop, deno, problems) {
  const project = workshop.makeProject('permissions')
  await workshop.install(project)
  const args = ['run', '--no-prompt', '--allow-ffi', '--allow-read', '--allow-write', 'bot.mjs']
  const { output, errors } = await runToEnd(deno, args, { cwd: project, env: workshop.env })
  if (output.trim() !== 'kept') problems.push(`with few permissions: ${output}${errors}`)
}
