// Reads the command line.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { TEXTS } from '../measure/states.mjs'
import { PLACES } from '../subjects/index.mjs'

const ADAPTERS = [...new Set(Object.values(PLACES).map(({ adapter }) => adapter))]

/** The defaults of each kind of run. The results in the repository are those of a complete run. */
const DEFAULTS = {
  complete: { sizes: '2k,20k', rounds: '3', seconds: '1' },
  quick: { sizes: '2k', rounds: '1', seconds: '0.25' },
  against: { sizes: '2k', rounds: '5', seconds: '0.4' },
}

export const USAGE = `npm run bench -- [options]

  --quick               takes a first look in two minutes; not a measurement
  --against PATH        compares this checkout with another built checkout of this package
  --only NAMES          ${ADAPTERS.join(',')}
  --sizes LIST          KB of JSON, such as 2k,20k,100k,1024k (2k,20k; with --quick and --against 2k)
  --concurrency LIST    operations in flight, such as 1,16,64,256 (1,64)
  --rounds N            rounds of each cell, of which the median counts (3; --quick 1; --against 5)
  --seconds N           the least duration of each measurement (1; --quick 0.25; --against 0.4)
  --text KIND           ${TEXTS.join(', ')} (latin)
  --directory DIR       where to write; must be on a real disk (node_modules/.cache)
  --output DIR          where the results go (benchmark/ for a complete run, benchmark/partial/ for any other)
  --json FILE           writes all figures of all rounds
`

/**
 * Returns `undefined` if only the usage is asked for.
 *
 * @param {string[]} args
 * @throws {Error} if an option cannot be read
 */
export function readOptions(args) {
  const names = 'against only sizes concurrency rounds seconds text directory output json'.split(' ')
  const texts = Object.fromEntries(names.map((name) => [name, { type: /** @type {const} */ ('string') }]))
  const flags = { help: { type: /** @type {const} */ ('boolean'), short: 'h' }, quick: { type: 'boolean' } }
  const given = /** @type {Record<string, any>} */ (parseArgs({ args, options: { ...flags, ...texts } }).values)
  if (given.help) return undefined
  const kind = given.against === undefined ? (given.quick ? 'quick' : 'complete') : 'against'
  const value = { concurrency: '1,64', text: 'latin', only: ADAPTERS.join(','), ...DEFAULTS[kind], ...given }
  const adapters = value.only.split(',')
  for (const name of adapters) if (!ADAPTERS.includes(name)) throw new Error(`--only does not know ${name}`)
  if (!TEXTS.includes(value.text)) throw new Error(`--text does not know ${value.text}`)
  const list = (name) => value[name].split(',').map((part) => positive(name, part))
  const duration = positive('seconds', value.seconds) * 1000
  return {
    ...value,
    kind,
    against: given.against && resolve(given.against),
    /** Leaves out some of what the results in the repository consist of. */
    partial: kind !== 'complete' || ['only', 'sizes', 'concurrency', 'text'].some((name) => given[name] !== undefined),
    adapters,
    sizes: list('sizes').map((kilobytes) => kilobytes * 1024),
    concurrency: list('concurrency'),
    rounds: positive('rounds', value.rounds),
    settings: { duration, minimum: kind === 'complete' ? 50 : 10, limit: duration * 10, warmUp: duration * 0.3 },
  }
}

function positive(name, text) {
  const value = Number(name === 'sizes' ? text.replace(/k$/, '') : text)
  if (!(value > 0)) throw new Error(`--${name} cannot be ${text}`)
  return value
}
