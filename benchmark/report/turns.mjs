// Writes TURNS.md: the targets, and what a turn takes from the main thread.
import { PLACES } from '../subjects/index.mjs'
import { bound, isAbout, isReached } from '../targets.mjs'
import { figure, size as sizeOf, spread, table, times } from './format.mjs'

const KIB = 1024

/** At most so many times the main-thread time of `JSON.parse` and `JSON.stringify` of the same state. */
const TARGETS = [
  { subject: 'memory', size: 2 * KIB, atMost: 1 },
  ...['memory', 'path'].flatMap((subject) => [
    { subject, size: 20 * KIB, atMost: 0.35 },
    { subject, size: 100 * KIB, atMost: 0.15 },
    { subject, size: 300 * KIB, atMost: 0.1 },
  ]),
]

/** Saves and loads alone, against the reference of the place. */
const OPERATION_TARGETS = [
  ...[2, 20].map((size, index) => at('memory', 'save', size, 64, 'rate', { atLeast: [1.8, 6][index] })),
  ...[2, 20].map((size, index) => at('memory', 'load', size, 64, 'rate', { atLeast: [2.5, 10][index] })),
  ...[2, 20].flatMap((size, index) =>
    [1, 64].map((chains) => at('sqlite-wal-normal', 'load', size, chains, 'rate', { atLeast: index + 1 })),
  ),
  ...both((operation) => at('redis', operation, 2, 64, 'rate', { atLeast: 1.8 })),
  ...both((operation) => at('redis', operation, 2, 64, 'main', { atMost: 0.45 })),
  ...both((operation) => at('redis', operation, 20, 64, 'main', { atMost: 0.2 })),
  ...both((operation) => at('redis', operation, 100, 64, 'main', { atMost: 0.1 })),
  at('redis', 'save', 2, 1, 'rate', { atLeast: 0.95 }),
  at('redis', 'load', 2, 1, 'rate', { atLeast: 0.8 }),
]

function at(place, operation, size, chains, measure, bounds) {
  return { place, operation, size: size * KIB, chains, measure, ...bounds }
}

function both(make) {
  return ['save', 'load'].map(make)
}

const LEGEND = `\
**Main us** is the processor time of the JavaScript thread for one turn, the median of the rounds. **x V8** compares it with
\`JSON.parse\` and \`JSON.stringify\` of that state and the same engine, alone: the median of the ratios of each round, with the
least and the most in brackets. Bold adapters are ours.`

const OPERATIONS_LEGEND = `\
64 conversations, each saved or loaded again and again. They are remembered as far as they fit into the table: those of 100 KB do
not. The reference of memory is \`Map\` with \`structuredClone\`, that of SQLite better-sqlite3, that of Redis ioredis 6.`

/** @param {{ place: string, subject: string }} side */
export function labelOf({ place, subject }) {
  if (subject === 'v8') return 'V8: JSON.parse, JSON.stringify'
  const { label, ours } = PLACES[place].subjects[subject]
  return ours ? `**${label}**` : label
}

/** Returns the Markdown; the argument is what `turn.mjs` has collected. */
export function renderTurns({ environment, rounds, duration, versions, cells, operations }) {
  const { processor, cores, memory, system, fileSystem, date, commit, load } = environment
  const facts = table(
    ['', ''],
    [
      ['Date, commit', `${date}, ${commit}`],
      ['Processor', `${processor}, ${cores} cores, ${memory}; load before the run ${load}`],
      ['System', `${system}; Node.js ${versions.join(', ')}; file system ${fileSystem}`],
      ['Run', `${rounds} rounds in turns; each measurement at least ${duration / 1000} s`],
    ],
    2,
  )
  const parts = ['# Turns', facts, '![Main-thread time of a turn by the length of the history](turns.svg)']
  parts.push('## Targets', renderTargets(versions, cells), LEGEND)
  if (operations.length > 0) parts.push('## Saves and loads alone', OPERATIONS_LEGEND, renderOperations(operations))
  for (const version of versions) {
    const own = cells.filter((cell) => cell.version === version)
    parts.push(`## Node.js ${version}`, renderCells(own.filter(({ engine }) => engine === 'append')))
    const others = own.filter(({ engine }) => engine !== 'append')
    if (others.length > 0) parts.push('### Other engines', renderCells(others))
  }
  return `${parts.join('\n\n')}\n`
}

function renderTargets(versions, cells) {
  const rows = TARGETS.flatMap((target) => {
    const about = cells.filter(({ engine, size }) => engine === 'append' && size === target.size)
    const known = about.flatMap(({ results, ...cell }) =>
      results.filter(({ subject }) => subject === target.subject).map((result) => ({ ...cell, ...result })),
    )
    return [...new Set(known.map(({ chains }) => chains))].map((chains) => [
      `${labelOf(known[0])}, ${sizeOf(target.size)}, ${chains} in flight`,
      `<= ${target.atMost}x`,
      ...versions.map((version) => {
        const ratio = known.find((one) => one.chains === chains && one.version === version)?.ratios.main?.median
        if (ratio === undefined) return times(ratio)
        return `${times(ratio)} ${isReached(target, ratio) ? 'yes' : '**no**'}`
      }),
    ])
  })
  return table(['A turn, against V8 alone', 'Bound', ...versions.map((version) => `Reached, ${version}`)], rows)
}

function renderOperations(operations) {
  const rows = OPERATION_TARGETS.flatMap((target) => {
    const cell = operations.find((one) => isAbout(target, one))
    if (cell === undefined) return []
    const [, ...ours] = Object.entries(cell.results)
    return ours.map(([name, { ratios }]) => [
      `${labelOf({ place: cell.place, subject: name })}, ${target.measure === 'rate' ? '' : 'main-thread time of '}${target.operation}s, ${sizeOf(target.size)}, ${target.chains} in flight`,
      bound(target),
      spread(ratios[target.measure]),
      isReached(target, ratios[target.measure]?.median ?? Number.NaN) ? 'yes' : '**no**',
    ])
  })
  return table(['Against the reference', 'Bound', 'Measured', 'Reached'], rows)
}

function renderCells(cells) {
  const rows = cells.flatMap(({ engine, size, chains, results }) =>
    results.map((side) => [
      engine,
      sizeOf(size),
      String(chains),
      labelOf(side),
      figure(side.figures.main),
      side.subject === 'v8' ? '' : spread(side.ratios.main),
      side.subject === 'v8' ? '' : figure(side.figures.rate),
    ]),
  )
  return table(['Engine', 'State', 'In flight', '', 'Main us', 'x V8', 'Turns/s'], rows, 4)
}
