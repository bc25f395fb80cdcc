// Runs the cells, so that everyone has the same luck: the subjects of a cell take turns, in another order each round.
import { VARIANTS } from '../subjects/index.mjs'
import { measureOnce } from './child.mjs'
import { conversationsOf } from './plan.mjs'
import { summarize } from './statistics.mjs'

/** The share of what the reference can do that arrives in the open loop. */
const OPEN_SHARE = 0.7

/**
 * @typedef {import('./plan.mjs').Cell & { rate?: number, results: Record<string, ReturnType<typeof summarize>> }} Measured
 */

/**
 * @param {import('./plan.mjs').Cell[]} cells
 * @param {import('./options.mjs').Options} options
 * @param {string} root
 * @param {{ step(text: string): void, cell(measured: Measured): void }} progress
 * @returns {Promise<Measured[]>} fewer than asked for where the time that the options allow was over
 */
export async function measureAll(cells, options, root, progress) {
  /** @type {Measured[]} */
  const done = []
  const began = performance.now()
  for (const cell of cells) {
    if (options.budget !== undefined && performance.now() - began > options.budget) break
    const measured = await measureCell(cell, options, root, rateOf(cell, done), (subject) =>
      progress.step(`${cell.variant} ${cell.operation} ${cell.size} B x ${cell.chains} ${subject}`),
    )
    done.push(measured)
    progress.cell(measured)
  }
  return done
}

/**
 * @param {import('./plan.mjs').Cell} cell
 * @param {import('./options.mjs').Options} options
 * @param {string} root
 * @param {number} [rate]
 * @param {(subject: string) => void} [step]
 * @returns {Promise<Measured>}
 */
export async function measureCell(cell, options, root, rate, step) {
  const { keepsNothing = false, reference } = VARIANTS[cell.variant]
  /** @type {Record<string, Record<string, any>[]>} */
  const rounds = Object.fromEntries(cell.subjects.map((subject) => [subject, []]))
  for (let round = 0; round < options.rounds; round++) {
    for (const subject of rotated(cell.subjects, round)) {
      step?.(subject)
      const task = {
        ...cell,
        subject,
        rate,
        keepsNothing,
        keys: conversationsOf(cell, options.quick),
        text: options.text,
        settings: options.settings,
        directory: '',
      }
      rounds[subject].push(await measureOnce(task, root))
    }
  }
  const results = cell.subjects.map((subject) => [subject, summarize(rounds[subject], rounds[reference])])
  return { ...cell, rate, results: Object.fromEntries(results) }
}

/** Arrivals a second in the open loop: from the closed loop on the same place, and the same for everyone. */
function rateOf(cell, done) {
  if (cell.loop === 'closed') return undefined
  const closed = done.find(
    ({ variant, operation, size, chains, loop }) =>
      loop === 'closed' &&
      variant === cell.variant &&
      operation === cell.operation &&
      size === cell.size &&
      chains === cell.chains,
  )
  const rate = closed?.results[VARIANTS[cell.variant].reference].figures.rate
  return Math.max(10, Math.round((rate ?? 100) * OPEN_SHARE))
}

function rotated(list, by) {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}
