// The targets of this package, as data. A comment has the reason for a bound that looks low. The report shows what was
// reached, and the guard fails if less than half is.
import { sidesFor } from './harness/cells.mjs'
import { PLACES } from './subjects/index.mjs'

const KIB = 1024

/**
 * @typedef {object} Target
 * @property {string} place
 * @property {string[]} subjects the one that is furthest from the target counts
 * @property {'save' | 'load'} operation
 * @property {number} chains
 * @property {number} size bytes
 * @property {'rate' | 'main' | 'delayP99'} measure a ratio to the reference
 * @property {number} [atLeast]
 * @property {number} [atMost]
 */

const WORDS = { main: 'main-thread time', delayP99: 'event-loop delay p99' }

const at = (place, operation, chains, subjects, size = 2 * KIB) => ({ place, operation, chains, subjects, size })

/** @type {Target[]} */
export const TARGETS = [
  // Ours keeps the text of a state. `JSON.stringify` is half of a save, and beats a clone only from a few KB on.
  { ...at('memory', 'save', 64, ['memory']), measure: 'rate', atLeast: 0.8 },
  { ...at('memory', 'save', 64, ['memory'], 20 * KIB), measure: 'rate', atLeast: 1.3 },
  // `JSON.parse` of the text against a clone of the object; both grow with the state.
  { ...at('memory', 'load', 64, ['memory']), measure: 'rate', atLeast: 1 },

  // On ext4 without a journal, the search for a free inode takes most of a save for both. With a journal it is 2.2x.
  { ...at('file-durable', 'save', 64, ['file']), measure: 'rate', atLeast: 0.8 },
  // There, a save takes a millisecond and wakes the main thread by itself. With a journal it is 0.3x.
  { ...at('file-durable', 'save', 64, ['file']), measure: 'main', atMost: 0.6 },
  { ...at('file-durable', 'save', 1, ['file']), measure: 'rate', atLeast: 1.2 },
  // The search for a free inode again, without a sync beside which it could hide.
  { ...at('file-fast', 'save', 64, ['file']), measure: 'rate', atLeast: 0.7 },
  { ...at('file-fast', 'save', 64, ['file']), measure: 'main', atMost: 0.6 },
  { ...at('file-fast', 'save', 1, ['file']), measure: 'rate', atLeast: 1 },
  { ...at('file-fast', 'load', 64, ['file']), measure: 'rate', atLeast: 2 },

  // One sync for all saves that wait. How much that wins depends on the disk: 6x to 22x was seen, and 2.5x to 3.2x where a
  // single better-sqlite3 save with its sync takes 95 us.
  { ...at('sqlite-wal-full', 'save', 64, ['db', 'path']), measure: 'rate', atLeast: 4 },
  { ...at('sqlite-wal-full', 'save', 64, ['db', 'path']), measure: 'delayP99', atMost: 0.2 },
  { ...at('sqlite-delete-full', 'save', 64, ['db']), measure: 'rate', atLeast: 12 },
  { ...at('sqlite-delete-full', 'save', 64, ['db']), measure: 'delayP99', atMost: 0.1 },
  // Two wake-ups of 20 to 50 us for each save, beside a sync that takes 100 us on a quick disk.
  { ...at('sqlite-wal-full', 'save', 1, ['db', 'path']), measure: 'rate', atLeast: 0.6 },
  { ...at('sqlite-wal-full', 'save', 1, ['db', 'path']), measure: 'main', atMost: 0.9 },
  // Without a sync, no wait can be shared: what is won is time of the main thread.
  { ...at('sqlite-wal-normal', 'save', 64, ['db']), measure: 'rate', atLeast: 0.9 },
  { ...at('sqlite-wal-normal', 'save', 64, ['db']), measure: 'main', atMost: 0.8 },
  // Saved in the call, with a promise, and one save in each millisecond on the other thread.
  { ...at('sqlite-wal-normal', 'save', 1, ['db']), measure: 'rate', atLeast: 0.7 },
  // The same statement as the reference, with the checks that make it safe.
  { ...at('sqlite-wal-normal', 'load', 64, ['db']), measure: 'rate', atLeast: 0.6 },

  // With both cores busy, redis-server takes what the main thread gives back.
  { ...at('redis', 'save', 64, ['client', 'host']), measure: 'rate', atLeast: 1.2 },
  { ...at('redis', 'save', 64, ['client', 'host']), measure: 'main', atMost: 0.8 },
  { ...at('redis', 'load', 64, ['client', 'host']), measure: 'rate', atLeast: 1.1 },
  // The rate of one operation in flight depends on how fast the system wakes threads: 0.2x to 8x on a busy machine.
  { ...at('redis', 'save', 1, ['client', 'host']), measure: 'main', atMost: 1.3 },
]

/** Returns whether the target is about this cell. */
export function isAbout(target, cell) {
  return ['place', 'operation', 'size', 'chains'].every((name) => target[name] === cell[name])
}

/**
 * Returns the ratio of the subject that is furthest from the target, or `undefined` if none was measured.
 *
 * @param {Target} target
 * @param {import('./harness/cells.mjs').Measured[]} cells
 * @returns {number | undefined}
 */
export function judge(target, cells) {
  const results = cells.find((cell) => isAbout(target, cell))?.results ?? {}
  const values = target.subjects.flatMap((subject) => results[subject]?.ratios[target.measure]?.median ?? [])
  if (values.length === 0) return undefined
  return target.atLeast === undefined ? Math.max(...values) : Math.min(...values)
}

/**
 * @param {{ atLeast?: number, atMost?: number }} target
 * @param {number} value
 * @param {number} [allowance] by how much it may be missed: 2 accepts half of what is to be reached
 */
export function isReached({ atLeast, atMost }, value, allowance = 1) {
  return atLeast === undefined ? value <= Number(atMost) * allowance : value >= atLeast / allowance
}

/** Returns the cells that the targets are about, each once, with the reference and the judged subjects. */
export function cellsOf(targets = TARGETS) {
  const cells = []
  for (const { place, operation, size, chains, subjects } of targets) {
    const cell = { place, operation, size, chains, sides: sidesFor(PLACES[place], subjects) }
    const known = cells.find((other) => isAbout(cell, other))
    if (known) Object.assign(known.sides, cell.sides)
    else cells.push(cell)
  }
  return cells
}

/** @param {Target} target */
export function describe({ place, subjects, operation, size, chains, measure }) {
  const what = measure === 'rate' ? `${operation}s/s` : `${WORDS[measure]} of ${operation}s`
  return `${place} (${subjects.join(', ')}): ${what}, ${size / KIB} KB, ${chains} in flight`
}

/** @param {Target} target */
export function bound({ atLeast, atMost }) {
  return atLeast === undefined ? `<= ${atMost}x` : `>= ${atLeast}x`
}
