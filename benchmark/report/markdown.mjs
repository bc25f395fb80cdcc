// RESULTS.md.

import { VARIANTS } from '../subjects/index.mjs'
import { TARGETS } from '../targets.mjs'
import { figure, percent, size, table, times } from './format.mjs'
import { judge } from './judge.mjs'

const COLUMNS = [
  'Size',
  'At once',
  'Subject',
  'Operations/s',
  'x reference',
  'Main thread us',
  'x reference',
  'x JSON',
  'All threads us',
  'Loop used',
  'Loop delay p50 / p99 / max ms',
  'Latency p50 / p99 ms',
  'RSS MB',
]
const LEGEND = `\
**Operations/s** is the median of the rounds, **x reference** that of the ratios of each round, with the least and the
most in brackets. **Main thread** is the processor time of the JavaScript thread for each operation, **x JSON** the same
relative to \`JSON.stringify\` (saves) or \`JSON.parse\` (loads) of the same states alone, in the same process. **All
threads** is that of the whole process. **Loop used** is the event loop's utilization, **loop delay** by how much a timer of 1 ms was late.
**Latency** is that of one operation; in the open loop it counts from the moment at which the operation was meant to begin.
[README.md](README.md) says how it is measured.`

/**
 * @param {object} data
 * @param {ReturnType<typeof import('../harness/environment.mjs').describeEnvironment>} data.environment
 * @param {import('../harness/options.mjs').Options} data.options
 * @param {any} data.floors
 * @param {import('../harness/schedule.mjs').Measured[]} data.cells
 * @param {string[]} data.leftOut
 * @param {{ name: string, title: string, variant: string }[]} charts
 */
export function renderResults({ environment, options, floors, cells, leftOut }, charts) {
  const parts = ['# Results', renderEnvironment(environment, options), ...leftOut.map((text) => `Left out: ${text}`)]
  parts.push('## Targets', renderTargets(cells), '## Floors', renderFloors(floors), '## How to read', LEGEND)
  for (const [variant, { label, note, reference, subjects }] of Object.entries(VARIANTS)) {
    const own = cells.filter((cell) => cell.variant === variant)
    if (own.length === 0) continue
    parts.push(`## ${label}`, `${note} The reference is ${subjects[reference].label}.`)
    parts.push(
      ...charts.filter((chart) => chart.variant === variant).map(({ name, title }) => `![${title}](charts/${name})`),
    )
    for (const [title, chosen] of sections(own)) {
      if (chosen.length > 0) parts.push(`### ${title}`, table(COLUMNS, chosen.flatMap(rowsOf), 3))
    }
  }
  return `${parts.join('\n\n')}\n`
}

function sections(cells) {
  const closed = cells.filter(({ loop }) => loop === 'closed')
  return [
    ['Saves', closed.filter(({ operation }) => operation === 'save')],
    ['Loads', closed.filter(({ operation }) => operation === 'load')],
    ['Saves at a fixed rate (open loop)', cells.filter(({ loop }) => loop === 'open')],
  ]
}

/** @param {import('../harness/schedule.mjs').Measured} cell */
function rowsOf(cell) {
  const { reference, subjects } = VARIANTS[cell.variant]
  return Object.entries(cell.results).map(([name, { figures, ratios }]) => {
    const own = name === reference
    const rate = ratios.rate
    const spread = rate && !own ? ` (${rate.least.toFixed(2)}–${rate.most.toFixed(2)})` : ''
    const late = figures.unfinished ? ` (${figure(figures.unfinished)} unfinished)` : ''
    return [
      size(cell.size),
      cell.loop === 'open' ? `${figure(cell.rate)}/s` : String(cell.chains),
      subjects[name].ours ? `**${subjects[name].label}**` : subjects[name].label,
      figure(figures.rate) + late,
      own ? 'reference' : `${times(rate?.median)}${spread}`,
      figure(figures.main),
      own ? 'reference' : times(ratios.main?.median),
      times(figures.mainToJson),
      figure(figures.whole),
      percent(figures.utilization),
      `${figure(figures.delayP50)} / ${figure(figures.delayP99)} / ${figure(figures.delayMax)}`,
      `${figure(figures.latencyP50)} / ${figure(figures.latencyP99)}`,
      figure(figures.rss),
    ]
  })
}

export function renderEnvironment(environment, options) {
  const { date, commit, processor, cores, memory, system, fileSystem, node, redis, sqlite, packages, load } =
    environment
  const { duration, minimum, warmUp } = options.settings
  const rows = [
    ['Date, commit', `${date}, ${commit} (version ${environment.package})`],
    ['Processor', `${processor}, ${cores} cores, ${memory}; load before the run ${load}`],
    ['System', `${system}; Node.js ${node}; file system ${fileSystem}`],
    ['Servers and engines', `redis-server ${redis} (appendonly yes, appendfsync everysec); ${sqlite}`],
    [
      'Packages',
      Object.entries(packages)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    [
      'Run',
      `${options.quick ? '**quick, not a measurement**; ' : ''}${options.rounds} round${options.rounds > 1 ? 's' : ''}; each measurement at least ${duration / 1000} s and ${minimum} operations, after ${warmUp / 1000} s of warm-up; text ${options.text}`,
    ],
  ]
  return table(['', ''], rows, 2)
}

/** @param {import('../harness/schedule.mjs').Measured[]} cells */
export function renderTargets(cells) {
  const rows = TARGETS.map((target) => {
    const { reached, worst, missed, of } = judge(target, cells)
    const wanted = target.atLeast === undefined ? `<= ${target.atMost}x` : `>= ${target.atLeast}x`
    const where = worst && `${worst.subject} ${worst.cell.operation} ${size(worst.cell.size)} x ${worst.cell.chains}`
    return [
      target.adapter,
      target.against,
      `${target.text} ${wanted}`,
      reached === undefined ? 'not measured' : reached ? 'yes' : `**no** (${missed} of ${of})`,
      worst ? `${times(worst.value)} (${worst.cell.variant}: ${where})` : '–',
    ]
  })
  return table(['Adapter', 'Against', 'Target', 'Reached', 'Furthest from it'], rows, 5)
}

function renderFloors({ bySize, driver, redis }) {
  const alone = bySize.map((row) => [
    size(row.size),
    ...[row.stringify, row.parse, row.clone, row.fsync, row.fdatasync].map(figure),
  ])
  const head = [
    'State',
    'JSON.stringify us',
    'JSON.parse us',
    'structuredClone us',
    'write + fsync /s',
    'write + fdatasync /s',
  ]
  const parts = [table(head, alone)]
  const costs = driver.map(({ chains, cost }) => `${figure(cost)} us at ${chains}`).join(', ')
  parts.push(`The load itself, with nothing to serve it, takes the main thread for each operation: ${costs}.`)
  if (redis.length > 0) {
    const rows = redis.map((row) => [size(row.size), String(row.chains), figure(row.set), figure(row.get)])
    parts.push(table(['redis-benchmark', 'Clients', 'SET /s', 'GET /s'], rows))
  }
  return parts.join('\n\n')
}
