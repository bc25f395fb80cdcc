// What a target is tried with, once it is built.
import { randomUUID } from 'node:crypto'

/** The ways to end for which docs/ending.md promises that un-awaited saves are kept, with the exit code of each. */
const ENDINGS = { nothing: 0, exit: 0, exception: 1 }
const SAVES = 50

/**
 * Tries the packages of a project on a machine.
 *
 * @returns the cells of its row, and what went wrong
 */
export function tryOut(run, project, redis) {
  const faults = []
  const fail = (what, { status, signal, stdout, stderr }) =>
    faults.push(`${what}: ended with ${signal ?? status}\n${stdout.slice(-3000)}${stderr.slice(-3000)}`)
  const cells = { contract: contract(run, project, fail), native: beside(run, project, fail) }
  cells.exits = exits(run, project, redis, fail)
  return { cells, faults }
}

function contract(run, project, fail) {
  const ended = run(project, 'contract.mjs', '--test', '--test-isolation=none', '--test-reporter=tap')
  const count = (what) => Number(new RegExp(`^# ${what} (\\d+)`, 'm').exec(ended.stdout)?.[1] ?? 0)
  if (ended.status !== 0) fail('contract', { ...ended, stdout: failures(ended.stdout) })
  return `${count('pass')}/${count('tests')}`
}

/** Returns the parts of a report that tell of failures. */
const failures = (report) => report.match(/^ *not ok [\s\S]*?^ *\.\.\.$/gm)?.join('\n') ?? report

function beside(run, project, fail) {
  const ended = run(project, 'beside.mjs')
  if (ended.status !== 0) {
    fail('beside', ended)
    return 'failed'
  }
  const { modes } = JSON.parse(ended.stdout)
  const inline = Object.entries(modes).filter(([, mode]) => mode !== 'native')
  if (inline.length > 0) fail('inline', { ...ended, stdout: JSON.stringify(inline) })
  return Object.keys(modes)
    .filter((name) => modes[name] === 'native')
    .filter((name) => ['better-sqlite3', 'node:sqlite', 'ioredis'].includes(name))
    .join(', ')
}

function exits(run, project, redis, fail) {
  const names = ['file', 'sqlite', 'better-sqlite3', ...(redis ? ['redis'] : [])]
  const ends = names.flatMap((name) =>
    Object.entries(ENDINGS).map(([ending, code]) => ({ name, ending, code, place: randomUUID() })),
  )
  for (const end of ends) end.ended = run(project, 'ends.mjs', end.ending, end.name, end.place)
  const places = ends.map(({ name, place }) => [name, place])
  const counted = run(project, 'ends.mjs', 'count', JSON.stringify(places))
  if (counted.status !== 0) fail('count', counted)
  const counts = counted.status === 0 ? JSON.parse(counted.stdout) : []
  for (const [index, end] of ends.entries()) end.isKept = end.ended.status === end.code && counts[index] === SAVES
  const lost = ends.filter(({ isKept }) => !isKept)
  // What one of them says is mostly what all of them say.
  if (lost.length > 0)
    fail(`not kept: ${lost.map(({ name, ending }) => `${name}, ${ending}`).join('; ')}`, lost[0].ended)
  return `${ends.length - lost.length}/${ends.length}`
}
