// What is seen while it runs: a bar on a terminal, plain lines elsewhere.
import { SingleBar } from 'cli-progress'

import { VARIANTS } from '../subjects/index.mjs'

/** @param {number} total */
export function startProgress(total) {
  const bar = process.stdout.isTTY
    ? new SingleBar({
        format: '{bar} {value}/{total} {eta_formatted}  {text}',
        hideCursor: true,
        clearOnComplete: true,
      })
    : undefined
  bar?.start(total, 0, { text: '' })
  let steps = 0
  let cells = 0
  return {
    /** @param {string} text what is measured now */
    step(text) {
      bar?.update(steps++, { text })
    },
    /** @param {import('./schedule.mjs').Measured} cell */
    cell(cell) {
      cells++
      if (bar === undefined) console.log(`${String(cells).padStart(4)}  ${describe(cell)}`)
    },
    stop() {
      bar?.stop()
    },
  }
}

/** @param {import('./schedule.mjs').Measured} cell */
function describe({ variant, operation, loop, size, chains, results }) {
  const { reference } = VARIANTS[variant]
  const parts = Object.entries(results).map(([name, { figures, ratios }]) => {
    const rate = Math.round(figures.rate ?? 0)
    return name === reference || !ratios.rate
      ? `${name} ${rate}/s`
      : `${name} ${rate}/s (${ratios.rate.median.toFixed(2)}x)`
  })
  return `${variant} ${operation}${loop === 'open' ? ' (open loop)' : ''} ${size} B x ${chains}: ${parts.join(', ')}`
}
