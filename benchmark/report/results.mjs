// Writes RESULTS.md: the targets, the floors and one table for each backend.
import { PLACES } from '../subjects/index.mjs'
import { bound, describe, isReached, judge, TARGETS } from '../targets.mjs'
import { figure, size, spread, table, times } from './format.mjs'

const TITLES = { memory: 'Memory', file: 'Files', sqlite: 'SQLite', redis: 'Redis' }
const OF_EACH = (name) => [`${name}/s`, 'x reference', 'Main (all) us', 'x reference', 'Delay p99 ms']
const COLUMNS = ['On', 'State', 'Concurrency', 'Adapter', ...OF_EACH('Saves'), ...OF_EACH('Loads')]
const LEGEND = `\
**Saves/s** and **Loads/s** are medians of the rounds. **x reference** is the median of the ratios of each round, with the
least and the most in brackets. **Main (all) us** is the processor time of the JavaScript thread for each operation, and in
brackets that of all threads of the process. **Delay p99** is how late a timer of 1 ms on the event loop was. Bold adapters are
ours. A dash means that the system does not provide the figure. [README.md](README.md) describes the method.`

/** Returns the Markdown of the results; the argument is what `run.mjs` has collected. */
export function renderResults({ environment, options, floors, cells, leftOut }) {
  const parts = ['# Results', renderEnvironment(environment, options), ...leftOut.map((text) => `Left out: ${text}`)]
  parts.push('## Targets', renderTargets(cells), '## Floors', renderFloors(floors), '## How to read', LEGEND)
  for (const adapter of options.adapters) {
    const places = Object.values(PLACES).filter((place) => place.adapter === adapter)
    const own = cells.filter((cell) => PLACES[cell.place].adapter === adapter)
    parts.push(`## ${TITLES[adapter]}`, places.map(({ note }) => note).join(' '), table(COLUMNS, rowsOf(own), 4))
  }
  return `${parts.join('\n\n')}\n`
}

/** Returns a row for each subject at each size and concurrency, with its saves and its loads. */
function rowsOf(cells) {
  return cells.flatMap((save) => {
    if (save.operation === 'load') return []
    const { label, reference, subjects } = PLACES[save.place]
    const same = (other) => ['place', 'size', 'chains'].every((name) => other[name] === save[name])
    const load = cells.find((other) => other.operation === 'load' && same(other))
    return Object.keys(save.results).map((name) => [
      label,
      size(save.size),
      String(save.chains),
      subjects[name].ours ? `**${subjects[name].label}**` : subjects[name].label,
      ...[save, load].flatMap(({ results }) => figuresOf(results[name], name === reference)),
    ])
  })
}

function figuresOf({ figures, ratios }, isReference) {
  const [rate, main] = isReference ? ['reference', ''] : [spread(ratios.rate), times(ratios.main?.median)]
  return [
    figure(figures.rate),
    rate,
    `${figure(figures.main)} (${figure(figures.whole)})`,
    main,
    figure(figures.delayP99),
  ]
}

export function renderEnvironment(environment, { kind, rounds, text, settings }) {
  const { processor, cores, memory, system, fileSystem, node, redis, ioredis, sqlite } = environment
  const { duration, minimum, warmUp } = settings
  const least = `each measurement at least ${duration / 1000} s and ${minimum} operations, after ${warmUp / 1000} s of warm-up`
  const quick = kind === 'quick' ? '; **a quick look, not a measurement**' : ''
  const rows = [
    ['Date, commit', `${environment.date}, ${environment.commit} (version ${environment.package})`],
    ['Processor', `${processor}, ${cores} cores, ${memory}; load before the run ${environment.load}`],
    ['System', `${system}; Node.js ${node}; file system ${fileSystem}`],
    ['Compared with', `redis-server ${redis}; ioredis ${ioredis}; ${sqlite}`],
    ['Run', `${rounds} round${rounds > 1 ? 's' : ''}; ${least}; text ${text}${quick}`],
  ]
  return table(['', ''], rows, 2)
}

function renderTargets(cells) {
  const rows = TARGETS.map((target) => {
    const value = judge(target, cells)
    const reached = value === undefined ? 'not measured' : isReached(target, value) ? 'yes' : '**no**'
    return [describe(target), bound(target), times(value), reached]
  })
  return table(['Target, against the reference', 'Bound', 'Measured', 'Reached'], rows)
}

function renderFloors(floors) {
  const json = ['JSON.stringify us', 'JSON.parse us', 'structuredClone us']
  const head = ['State', ...json, 'write + fsync /s', 'write + fdatasync /s', 'redis-benchmark SET /s', 'GET /s']
  const rows = floors.map((row) => [
    size(row.size),
    ...[row.stringify, row.parse, row.clone, row.fsync, row.fdatasync, row.set, row.get].map(figure),
  ])
  return table(head, rows)
}
