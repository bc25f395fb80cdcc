// What the command line says.
import { parseArgs } from 'node:util'

import { TEXTS } from '../measure/states.mjs'

export const ADAPTERS = ['memory', 'file', 'sqlite', 'redis']

/** A busy machine must not make `--quick` slow. */
const QUICK_MS = 100_000

export const USAGE = `npm run bench -- [options]

  --quick               a look, not a measurement: one short round of few cells, in less than two minutes
  --targets             only the cells that a target is about, and there ours and the reference
  --only NAMES          memory, file, sqlite, redis (with commas), or scale
  --sizes LIST          bytes of JSON, such as 2k,20k,100k,1m
  --concurrency LIST    operations at the same time, such as 1,16,64,256
  --rounds N            rounds of each cell, of which the median counts (3)
  --seconds N           how long each measurement lasts at least (1)
  --text KIND           ${TEXTS.join(', ')} (latin)
  --directory DIR       where to write; must be on a real disk (the system's directory for temporary files)
  --output DIR          where RESULTS.md and charts/ go (benchmark/, or benchmark/partial/ unless everything is measured)
  --json FILE           all figures of all rounds
  --conversations N     scale: in memory (1m)
  --files LIST          scale: in one directory (1k,10k,100k)
  --gigabytes N         scale: the SQLite file (5)
  --turns N             scale: the growing conversation (2k)
`

/**
 * @typedef {object} Options
 * @property {boolean} quick
 * @property {boolean} targets
 * @property {boolean} scale
 * @property {boolean} complete whether this is all of what the documented results are made of
 * @property {string[]} adapters
 * @property {number[]} sizes ascending
 * @property {number[]} concurrency ascending
 * @property {number} rounds
 * @property {number} [budget] milliseconds after which no further cell is begun
 * @property {string} text
 * @property {string} [directory]
 * @property {string} [output]
 * @property {string} [json]
 * @property {{ conversations: number, files: number[], gigabytes: number, turns: number }} scaleTo
 * @property {import('./plan.mjs').Task['settings']} settings milliseconds, and operations at least
 */

/**
 * @param {string[]} args
 * @returns {Options | undefined} `undefined` where only the usage is asked for
 * @throws {Error} where something cannot be read
 */
export function readOptions(args) {
  const text = /** @type {const} */ ({ type: 'string' })
  const names = ['only', 'sizes', 'concurrency', 'rounds', 'seconds', 'text', 'directory', 'output', 'json']
  const scales = ['conversations', 'files', 'gigabytes', 'turns']
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean', default: false },
      targets: { type: 'boolean', default: false },
      ...Object.fromEntries([...names, ...scales].map((name) => [name, text])),
    },
  })
  const given = /** @type {Record<string, any>} */ (values)
  if (given.help) return undefined
  const { quick } = given
  const scale = given.only === 'scale'
  const adapters = scale || given.only === undefined ? ADAPTERS : given.only.split(',')
  for (const name of adapters) if (!ADAPTERS.includes(name)) throw new Error(`--only does not know ${name}`)
  if (given.text !== undefined && !TEXTS.includes(given.text)) throw new Error(`--text does not know ${given.text}`)
  const seconds = given.seconds === undefined ? (quick ? 0.25 : 1) : positive('seconds', given.seconds)
  return {
    quick,
    targets: given.targets,
    scale,
    complete: !quick && ['only', 'sizes', 'concurrency', 'targets'].every((name) => !given[name]),
    adapters,
    sizes: list('sizes', given.sizes ?? (quick ? '2k,20k' : '2k,20k,100k,1m'), 1024),
    concurrency: list('concurrency', given.concurrency ?? (quick ? '1,64' : '1,16,64,256')),
    rounds: given.rounds === undefined ? (quick ? 1 : 3) : Math.ceil(positive('rounds', given.rounds)),
    budget: quick && given.seconds === undefined ? QUICK_MS : undefined,
    text: given.text ?? 'latin',
    directory: given.directory,
    output: given.output,
    json: given.json,
    scaleTo: {
      conversations: number('conversations', given.conversations ?? '1m', 1000),
      files: list('files', given.files ?? '1k,10k,100k'),
      gigabytes: positive('gigabytes', given.gigabytes ?? '5'),
      turns: number('turns', given.turns ?? '2k', 1000),
    },
    settings: {
      duration: seconds * 1000,
      minimum: quick ? 5 : 50,
      limit: seconds * 10_000,
      warmUp: seconds * 300,
      floor: Math.min(100, seconds * 200),
    },
  }
}

function number(name, text, kilo) {
  const [, digits, unit] = /^(\d+)([km]?)$/i.exec(text.trim()) ?? []
  const value = Number(digits) * ({ k: kilo, m: kilo * kilo }[unit?.toLowerCase()] ?? 1)
  if (!(value > 0)) throw new Error(`--${name} cannot be ${text}`)
  return value
}

function positive(name, text) {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${name} cannot be ${text}`)
  return value
}

function list(name, text, kilo = 1000) {
  return [...new Set(text.split(',').map((part) => number(name, part, kilo)))].sort((a, b) => a - b)
}
