// `npm run bench -- --against PATH`: this checkout and another one, in turns on the same places.
import { planCells } from './harness/cells.mjs'
import { figure, size, spread, table } from './report/format.mjs'
import { renderEnvironment } from './report/results.mjs'
import { PLACES } from './subjects/index.mjs'

/** From here on, a cell is marked as slower than that of the other checkout. */
const SLOWER = 0.9

const COLUMNS = ['On', 'Adapter', 'Operation', 'State', 'Concurrency']
const FIGURES = ['Here /s', 'There /s', 'Here / there', 'Main us here', 'There', 'Here / there']

/** Returns the cells of the comparison: every adapter of this package that both checkouts can open. */
export function planComparison(options) {
  return planCells(options, ({ subjects }) =>
    Object.keys(subjects)
      .filter((subject) => subjects[subject].ours && !subjects[subject].onlyHere)
      .map((subject) => ({ there: { subject, checkout: options.against }, here: { subject } })),
  )
}

/** Returns the Markdown of a comparison; the argument is what `run.mjs` has collected. */
export function renderComparison({ environment, options, cells, leftOut }) {
  const rows = cells.map(({ place, operation, size: bytes, chains, sides, results: { here, there } }) => [
    PLACES[place].label,
    PLACES[place].subjects[sides.here.subject].label,
    operation,
    size(bytes),
    String(chains),
    figure(here.figures.rate),
    figure(there.figures.rate),
    marked(here.ratios.rate, here.ratios.rate.median < SLOWER),
    figure(here.figures.main),
    figure(there.figures.main),
    // Less is better here: the inverse is compared.
    marked(here.ratios.main, here.ratios.main !== undefined && 1 / here.ratios.main.median < SLOWER),
  ])
  const slower = rows.filter((row) => row.some((text) => text.startsWith('**'))).length
  const legend = `Each ratio is the median of the rounds, with the least and the most in brackets. Operations/s below ${SLOWER}x and main-thread time above ${(1 / SLOWER).toFixed(2)}x are **bold**: ${slower} of ${rows.length} rows.`
  const parts = ['# This checkout (here) against another (there)', renderEnvironment(environment, options)]
  parts.push(...leftOut.map((text) => `Left out: ${text}`), table([...COLUMNS, ...FIGURES], rows, 5), legend)
  return `${parts.join('\n\n')}\n`
}

function marked(ratio, slower) {
  return slower ? `**${spread(ratio)}**` : spread(ratio)
}
