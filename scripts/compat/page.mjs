// The tables of a run, as text and as the page docs/tools.md.
import { readFileSync } from 'node:fs'

const TEMPLATE = new URL('./tools.md', import.meta.url)

/** @returns {string} the tables of those rows that were run */
export function printTables(tables, outcomes) {
  return tables
    .map(({ name, head, rows }) => ({ name, text: makeTable(head, rows, outcomes) }))
    .filter(({ text }) => text !== undefined)
    .map(({ name, text }) => `${name}\n${text}\n`)
    .join('\n')
}

/** Fills the tables into the page that is written by hand: each stands where its name does. */
export function makePage(tables, outcomes) {
  let page = readFileSync(TEMPLATE, 'utf8')
  for (const { name, head, rows } of tables) page = page.replace(`{{${name}}}`, () => makeTable(head, rows, outcomes))
  return page.replace('{{system}}', `${process.platform} ${process.arch}`)
}

/** Replaces the rows that were run in a page that was made before. */
export function updatePage(page, tables, outcomes) {
  const lines = tables.flatMap(({ head, rows }) =>
    rows.flatMap(({ name, title }) =>
      outcomes.has(name) ? [[title, lineOf(title, outcomes.get(name), head.length)]] : [],
    ),
  )
  const replacements = new Map(lines)
  return page
    .split('\n')
    .map((line) => replacements.get(line.split(' | ')[0].slice(2)) ?? line)
    .join('\n')
}

function makeTable(head, rows, outcomes) {
  const lines = rows.flatMap(({ name, title }) => {
    const outcome = outcomes.get(name)
    return outcome === undefined ? [] : [lineOf(title, outcome, head.length)]
  })
  if (lines.length === 0) return undefined
  const columns = ['', 'version', ...head, 'took', '']
  return [`| ${columns.join(' | ')} |`, `|${'---|'.repeat(columns.length)}`, ...lines].join('\n')
}

function lineOf(title, { result, skipped, seconds }, width) {
  const cells = result?.cells ?? Array(width).fill('')
  const notes = result?.notes?.join('; ') ?? (skipped && `not run: ${skipped.split(/[:\n]/)[0]}`) ?? ''
  return `| ${[title, result?.version ?? '', ...cells, `${seconds} s`, notes].join(' | ')} |`
}
