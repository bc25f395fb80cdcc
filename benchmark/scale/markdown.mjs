// SCALE.md.
import { figure, percent, table } from '../report/format.mjs'
import { isReached } from '../report/judge.mjs'
import { renderEnvironment } from '../report/markdown.mjs'
import { VARIANTS } from '../subjects/index.mjs'
import { SCALE_TARGETS } from '../targets.mjs'

export function renderScale(data, options, charts) {
  const parts = ['# Results at scale', renderEnvironment(data.environment, { ...options, rounds: 1 })]
  parts.push(...data.leftOut.map((text) => `Left out: ${text}`), '## Targets', targets(data))
  parts.push('## Many conversations in memory', memory(data.memory))
  parts.push('## Many files in a directory', 'Not durable; one operation at a time.')
  parts.push(
    steps('file-fast', data.directories, 'Files', (step) => step),
    images(charts, 'scale-files'),
  )
  parts.push('## A large SQLite file', 'WAL, synchronous = FULL; states of 20 KB; one operation at a time.')
  const megabytes = (step) => (step * data.state) / 1048576
  parts.push(steps('sqlite-wal-full', data.database, 'MB', megabytes), images(charts, 'scale-database'))
  parts.push(
    '## A growing conversation',
    'Microseconds for a load and a save at this number of turns: the median of 20.',
  )
  parts.push(growing(data.growing), images(charts, 'scale-conversation'))
  return `${parts.join('\n\n')}\n`
}

const images = (charts, prefix) =>
  charts
    .filter(({ name }) => name.startsWith(prefix))
    .map(({ name, title }) => `![${title}](charts/${name})`)
    .join('\n\n')

function targets(data) {
  const rows = SCALE_TARGETS.map((target) => {
    const value = target.read(data)
    const reached = isReached(target, value) ? 'yes' : '**no**'
    return [target.adapter, target.against, `${target.text} <= ${target.atMost}`, reached, figure(value)]
  })
  return table(['Adapter', 'Against', 'Target', 'Reached', 'Measured'], rows, 4)
}

function memory({ conversations, map, ours }) {
  const row = (name, read) => [name, read(map), read(ours)]
  const rows = [
    row('Saves/s', ({ rate }) => figure(rate)),
    row('V8 heap grew by', ({ heapMb, heapGrowth }) => `${figure(heapMb)} MB (${percent(heapGrowth)})`),
    row('RSS MB', ({ rss }) => figure(rss)),
    row('RSS for each conversation, bytes', ({ bytesEach }) => figure(bytesEach)),
    row('Garbage collections', ({ pauses }) => figure(pauses)),
    row('of these in total ms', ({ pauseTotal }) => figure(pauseTotal)),
    row('the longest ms', ({ pauseMost }) => figure(pauseMost)),
    row('A full collection afterwards ms', ({ fullCollection }) => figure(fullCollection)),
  ]
  const { map: reference, memory: own } = VARIANTS.memory.subjects
  return table([`${figure(conversations)} conversations of 2 KB`, reference.label, own.label], rows)
}

function steps(variant, bySubject, head, convert) {
  const rows = Object.entries(bySubject).flatMap(([subject, list]) =>
    list.map(({ step, save, load }) => [
      VARIANTS[variant].subjects[subject].label,
      figure(convert(step)),
      figure(save.median),
      figure(save.p99),
      figure(load.median),
      figure(load.p99),
    ]),
  )
  return table(['Subject', head, 'Save us', 'p99', 'Load us', 'p99'], rows)
}

function growing(bySubject) {
  const entries = Object.entries(bySubject)
  const rows = entries.map(([name, list]) => {
    const [variant, subject] = name.split(' ')
    const { label, subjects } = VARIANTS[variant]
    return [label, subjects[subject].label, ...list.map(({ cost }) => figure(cost))]
  })
  const lengths = entries[0]?.[1].map(({ length }) => String(length)) ?? []
  return table(['On', 'Subject', ...lengths], rows, 2)
}
