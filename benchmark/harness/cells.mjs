// Runs the cells of the tables. The sides of a cell take turns, in another order each round, so that a machine that
// becomes slower favours none of them.
import { PLACES } from '../subjects/index.mjs'
import { runChild } from './child.mjs'
import { summarize } from './statistics.mjs'

const MIB = 1024 * 1024

/**
 * A side is a subject of the place, in this checkout unless it names another one.
 * @typedef {{ subject: string, checkout?: string }} Side
 *
 * @typedef {object} Cell
 * @property {string} place
 * @property {'save' | 'load'} operation
 * @property {number} size bytes of JSON
 * @property {number} chains operations in flight
 * @property {number} [keys] conversations; by default, as many as the size allows
 * @property {Record<string, Side>} sides the reference first
 *
 * @typedef {Cell & { results: Record<string, ReturnType<typeof summarize>> }} Measured
 */

/**
 * Returns every combination that the options ask for.
 *
 * @param {{ adapters: string[], sizes: number[], concurrency: number[] }} options
 * @param {(place: import('../subjects/index.mjs').Place) => Record<string, Side>[]} sidesOf the cells of a place
 * @returns {Cell[]}
 */
export function planCells({ adapters, sizes, concurrency }, sidesOf) {
  return Object.keys(PLACES)
    .filter((place) => adapters.includes(PLACES[place].adapter))
    .flatMap((place) => sidesOf(PLACES[place]).map((sides) => ({ place, sides })))
    .flatMap((cell) => sizes.map((size) => ({ ...cell, size })))
    .flatMap((cell) => concurrency.map((chains) => ({ ...cell, chains })))
    .flatMap((cell) => ['save', 'load'].map((operation) => ({ ...cell, operation })))
}

/** Returns the cells of the results: every subject against the reference of its place. */
export function planResults(options) {
  return planCells(options, (place) => [sidesFor(place)])
}

/**
 * Returns the sides of a cell with these subjects, the reference first.
 *
 * @param {import('../subjects/index.mjs').Place} place
 * @param {string[]} [subjects]
 * @returns {Record<string, Side>}
 */
export function sidesFor({ reference, subjects: known }, subjects = Object.keys(known)) {
  return Object.fromEntries([reference, ...subjects].map((subject) => [subject, { subject }]))
}

/**
 * @param {Cell} cell
 * @param {{ rounds: number, text: string, settings: object }} how `settings` as in options.mjs
 * @param {string} root
 * @returns {Promise<Measured>}
 */
export async function measureCell({ sides, ...cell }, { rounds, text, settings }, root) {
  const names = Object.keys(sides)
  const measured = Object.fromEntries(names.map((name) => [name, []]))
  const task = { keys: conversationsOf(cell, settings), ...cell, text, settings }
  const place = { root, redis: PLACES[cell.place].adapter === 'redis' }
  for (let round = 0; round < rounds; round++) {
    const start = round % names.length
    for (const name of [...names.slice(start), ...names.slice(0, start)]) {
      measured[name].push(await runChild('measurement', { ...task, ...sides[name] }, place))
    }
  }
  const results = names.map((name) => [name, summarize(measured[name], measured[names[0]])])
  return { ...cell, sides, results: Object.fromEntries(results) }
}

/**
 * Returns how many conversations there are: more than fit in a processor's cache for loads, and never much disk. A short
 * measurement has fewer, so that it does not spend its time on storing them.
 */
function conversationsOf({ operation, size, chains }, { duration }) {
  const [most, bytes] = operation === 'load' ? [4000, 256 * MIB] : [1000, 32 * MIB]
  const number = Math.min(most, bytes / size) * Math.min(1, duration / 500)
  return Math.max(chains * (size > MIB / 2 ? 1 : 4), 64, Math.floor(number))
}
