// How costs grow, as charts.
import { lineChart } from '../report/chart.mjs'
import { VARIANTS } from '../subjects/index.mjs'

const label = (variant, subject) => VARIANTS[variant].subjects[subject].label.replace(/ \(.*/, '')

export function drawScaleCharts({ directories, database, growing, state }) {
  const charts = []
  const add = (name, title, axes, lines) =>
    charts.push({ name: `scale-${name}.svg`, title, svg: lineChart({ title, ...axes, lines }) })
  for (const operation of /** @type {const} */ (['save', 'load'])) {
    const y = 'microseconds, median'
    const files = { x: 'files in the directory', y }
    add(
      `files-${operation}`,
      `${operation} of 2 KB among many files`,
      files,
      lines('file-fast', directories, operation, 1),
    )
    const bytes = { x: 'bytes in the database', y }
    const title = `${operation} of ${state / 1024} KB in a growing database`
    add(`database-${operation}`, title, bytes, lines('sqlite-wal-full', database, operation, state))
  }
  for (const variant of Object.keys(VARIANTS)) {
    const own = Object.entries(growing).filter(([name]) => name.startsWith(`${variant} `))
    if (own.length === 0) continue
    const drawn = own.map(([name, rows]) => ({
      name: label(variant, name.slice(variant.length + 1)),
      points: rows.map(({ length, cost }) => [length, cost]),
    }))
    const axes = { x: 'turns in the conversation', y: 'microseconds for a load and a save, median' }
    add(`conversation-${variant}`, `A growing conversation: ${VARIANTS[variant].label}`, axes, drawn)
  }
  return charts
}

function lines(variant, bySubject, operation, factor) {
  return Object.entries(bySubject).map(([subject, rows]) => ({
    name: label(variant, subject),
    points: rows.map((row) => [row.step * factor, row[operation].median]),
  }))
}
