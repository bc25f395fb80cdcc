// The charts of RESULTS.md: how many operations a second at how many at once, for each place.
import { VARIANTS } from '../subjects/index.mjs'
import { lineChart } from './chart.mjs'
import { size } from './format.mjs'

/** @param {import('../harness/schedule.mjs').Measured[]} cells */
export function drawCharts(cells) {
  const charts = []
  for (const [variant, { label, subjects }] of Object.entries(VARIANTS)) {
    for (const operation of /** @type {const} */ (['save', 'load'])) {
      const own = cells.filter(
        (cell) => cell.variant === variant && cell.operation === operation && cell.loop === 'closed',
      )
      for (const bytes of new Set(own.map((cell) => cell.size))) {
        const chosen = own.filter((cell) => cell.size === bytes)
        // One point is no line.
        if (chosen.length < 2) continue
        const lines = Object.keys(subjects).map((name) => ({
          name: subjects[name].label.replace(/ \(.*/, ''),
          points: /** @type {[number, number][]} */ (
            chosen.flatMap(({ chains, results }) => {
              const rate = results[name]?.figures.rate
              return rate ? [[chains, rate]] : []
            })
          ),
        }))
        const title = `${label}: ${operation}s of ${size(bytes)}`
        const svg = lineChart({ title, x: 'operations at once', y: 'operations/s', label: String, lines })
        charts.push({ name: `${variant}-${operation}-${bytes}.svg`, title, variant, svg })
      }
    }
  }
  return charts
}
