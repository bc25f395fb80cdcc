// Which cells are measured: a place, an operation, a size, a number of chains, and everyone who is measured there.
import { within } from '../report/judge.mjs'
import { VARIANTS } from '../subjects/index.mjs'
import { TARGETS } from '../targets.mjs'

const MIB = 1024 * 1024
/** Sizes and chains at which subjects beyond ours and the reference are measured. */
const EXTRA_SIZES = [2048, 20_480]
const EXTRA_CHAINS = [1, 64]

/**
 * @typedef {object} Cell
 * @property {string} variant
 * @property {'save' | 'load'} operation
 * @property {'closed' | 'open'} loop
 * @property {number} size bytes of JSON
 * @property {number} chains operations that wait at the same time; in the open loop those of the cell that sets the rate
 * @property {string[]} subjects the reference first
 */

/**
 * @typedef {Cell & {
 *   subject: string, keys: number, text: string, rate?: number, keepsNothing: boolean, directory: string,
 *   redisPort?: number,
 *   settings: { duration: number, minimum: number, limit: number, warmUp: number, floor: number },
 * }} Task
 */

/**
 * @param {import('./options.mjs').Options} options
 * @param {{ compared: boolean, redis: boolean }} present
 * @returns {Cell[]}
 */
export function planCells(options, present) {
  const cells = []
  for (const [variant, { adapter }] of Object.entries(VARIANTS)) {
    if (!options.adapters.includes(adapter) || (adapter === 'redis' && !present.redis)) continue
    const add = (operation, loop, size, chains, extras) => {
      const subjects = subjectsOf(variant, extras && present.compared)
      cells.push({ variant, operation, loop, size, chains, subjects })
    }
    for (const operation of /** @type {const} */ (['save', 'load'])) {
      for (const size of options.sizes) {
        for (const chains of options.concurrency) {
          const extras = EXTRA_SIZES.includes(size) && EXTRA_CHAINS.includes(chains)
          if (!options.quick || size === options.sizes[0] || (operation === 'save' && chains > 1)) {
            add(operation, 'closed', size, chains, extras && !options.quick)
          }
        }
      }
    }
    // After the closed loop, which says what rate the reference can bear.
    const most = Math.min(64, options.concurrency[options.concurrency.length - 1])
    const chains = options.concurrency.filter((chains) => chains <= most).at(-1) ?? options.concurrency[0]
    for (const size of options.sizes.slice(0, options.quick ? 0 : 2)) add('save', 'open', size, chains, false)
  }
  return options.targets ? cells.flatMap(ofTargets) : cells
}

/** The cell with the subjects that a target judges there; nothing where none does. */
function ofTargets(cell) {
  const judged = TARGETS.filter(
    ({ variants, operation = cell.operation, sizes, chains }) =>
      cell.loop === 'closed' &&
      variants.includes(cell.variant) &&
      operation === cell.operation &&
      within(cell.size, sizes) &&
      within(cell.chains, chains),
  ).flatMap(({ subjects }) => subjects)
  const [reference, ...others] = cell.subjects
  const subjects = [reference, ...others.filter((name) => judged.includes(name))]
  return judged.length > 0 ? [{ ...cell, subjects }] : []
}

function subjectsOf(variant, extras) {
  const { reference, subjects } = VARIANTS[variant]
  const names = Object.keys(subjects).filter((name) => {
    const { needs, extra, available } = subjects[name]
    return (extras || !(needs || extra)) && (available?.() ?? true)
  })
  return [reference, ...names.filter((name) => name !== reference)]
}

/**
 * How many conversations there are: many for loads, so that they are not all in a processor's cache; a limited amount
 * of disk in any case.
 *
 * @param {Cell} cell
 * @param {boolean} quick
 */
export function conversationsOf({ operation, size, chains }, quick) {
  const [most, bytes] = operation === 'load' ? [4000, 256 * MIB] : [1000, 32 * MIB]
  const share = quick ? 8 : 1
  return Math.max(chains * (size > MIB / 2 ? 1 : 4), 64, Math.floor(Math.min(most, bytes / size) / share))
}
