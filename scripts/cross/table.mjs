// The results as a table: printed, and in docs/platforms.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { attempt, ROOT, say } from '../setup.mjs'
import { NODE } from './python.mjs'
import { TARGETS } from './targets.mjs'

const PAGE = join(ROOT, 'docs/platforms.md')
/** The part of the page between these comments is generated. */
const PART = /(<!-- results[^>]*-->\n)([\s\S]*)(<!-- end of results -->)/

const output = (command, args) => attempt(command, args, { stdio: 'pipe', encoding: 'utf8' }).stdout?.trim()
/** As a run begins: while it lasts, others may be made. */
const COMMIT = output('git', ['rev-parse', '--short=10', 'HEAD'])

const COLUMNS = ['target', 'result', 'build', 'glibc', 'contract', 'native', 'exits', 'tests', 'with', 'commit']

export function showTable(rows, minutes) {
  say('')
  console.table(Object.fromEntries(rows.map(({ target, ...row }) => [target, row])))
  console.log(`${minutes} minutes in all`)
}

/** Puts the rows into the page. Rows of other targets stay, so that a few targets can be tested again. */
export function writeTable(rows) {
  const page = readFileSync(PAGE, 'utf8')
  const before = (PART.exec(page)?.[2] ?? '').split('\n').filter((line) => line.startsWith('| `'))
  const now = rows.map((row) => line(COLUMNS.map((column) => cell(row, column))))
  const kept = before
    .map((text) => `${text}\n`)
    .filter((text) => !rows.some(({ target }) => text.startsWith(`| \`${target}\``)))
  const order = (text) => TARGETS.findIndex(({ native }) => text.startsWith(`| \`${native}\``))
  const body = [...kept, ...now].sort((a, b) => order(a) - order(b))
  const table = [line(COLUMNS), `|${'---|'.repeat(COLUMNS.length)}\n`, ...body].join('')
  writeFileSync(
    PAGE,
    page.replace(PART, (_part, begin, _middle, end) => `${begin}${table}${end}`),
  )
}

const line = (cells) => `| ${cells.join(' | ')} |\n`

function cell(row, column) {
  if (column === 'target') return `\`${row.target}\``
  if (column === 'commit') return COMMIT
  if (column === 'with') return `Rust ${output('rustc', ['--version']).split(' ')[1]}, Node.js ${NODE}`
  return row[column] ?? ''
}
