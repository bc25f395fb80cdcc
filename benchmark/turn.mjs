// What a turn of a conversation takes from the event loop: load, change a slot, append two entries, save. Writes TURNS.md and
// turns.svg. README.md describes the method.
//
//   node benchmark/turn.mjs --rounds 5 --seconds 0.3 --node /path/of/another/node
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { measureCell, sidesFor } from './harness/cells.mjs'
import { startChild } from './harness/child.mjs'
import { describeEnvironment, makeRoot } from './harness/environment.mjs'
import { redisVersion } from './harness/redis-server.mjs'
import { summarize } from './harness/statistics.mjs'
import { drawTurns } from './report/chart.mjs'
import { renderTurns } from './report/turns.mjs'
import { PLACES } from './subjects/index.mjs'

const KIB = 1024
const SIZES = [2, 20, 100, 300].map((size) => size * KIB)
/** Turns in flight: one, and as many as a bot has that is busy. Their snapshots fit into the table at every size. */
const CHAINS = [1, 8]

const V8 = { place: 'memory', subject: 'v8' }
const ALL = [
  V8,
  { place: 'memory', subject: 'map' },
  { place: 'memory', subject: 'memory' },
  { place: 'sqlite-wal-full', subject: 'upsert' },
  { place: 'sqlite-wal-full', subject: 'path' },
  { place: 'redis', subject: 'ioredis' },
  { place: 'redis', subject: 'host' },
]
const OURS = [V8, ALL[2], ALL[4]]
/** The engines beside the plain one, at one size and one turn in flight. */
const OTHER_ENGINES = {
  'window of the newest': OURS,
  'copies with spread': OURS,
  'copies each entry': OURS,
  structuredClone: OURS,
  'append, beside another process': [V8, ALL[4], ALL[6]],
}

/** Saves and loads alone, of conversations that are all remembered, as far as they fit into the table. */
const REDIS = ['ioredis', 'host', 'client']
const OPERATIONS = [
  ...[2, 20].flatMap((size) => both({ place: 'memory', size, chains: 64, subjects: ['map', 'memory'] })),
  ...[2, 20].flatMap((size) =>
    [1, 64].map((chains) => ({
      place: 'sqlite-wal-normal',
      operation: 'load',
      size,
      chains,
      subjects: ['upsert', 'db'],
    })),
  ),
  ...[2, 20, 100].flatMap((size) => both({ place: 'redis', size, chains: 64, subjects: REDIS })),
  ...both({ place: 'redis', size: 2, chains: 1, subjects: REDIS }),
]
/** Conversations, at least one for each chain. */
const KEYS = 64

function both(cell) {
  return ['save', 'load'].map((operation) => ({ ...cell, operation }))
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.3' },
    node: { type: 'string', multiple: true, default: [] },
    only: { type: 'string' },
    sizes: { type: 'string' },
    output: { type: 'string', default: fileURLToPath(new URL('.', import.meta.url)) },
  },
})
const rounds = Number(values.rounds)
const duration = Number(values.seconds) * 1000
const settings = { duration, minimum: 20, warmUp: duration / 2 }
const nodes = [process.execPath, ...values.node]
const versions = nodes.map((node) => spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim())

const sizes = values.sizes?.split(',').map((size) => Number(size) * KIB)
const cells = []
for (const size of sizes ?? SIZES) {
  for (const chains of CHAINS) cells.push({ engine: 'append', size, chains, sides: ALL })
}
for (const [engine, sides] of Object.entries(OTHER_ENGINES)) {
  for (const size of sizes ?? [20 * KIB, 100 * KIB]) cells.push({ engine, size, chains: 1, sides })
}

const root = makeRoot()
// Each side of a cell is a process, which ends with this one.
process.setMaxListeners(0)
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130))
const isMeasured = ({ place, subject }) =>
  (place !== 'redis' || redisVersion() !== undefined) &&
  (subject === 'v8' || values.only === undefined || values.only.split(',').includes(subject))
const environment = describeEnvironment(root)
const measured = []
const operations = []
for (const [index, version] of versions.entries()) {
  for (const { sides, ...cell } of cells) {
    // On a further Node.js, ours alone: better-sqlite3 is built for the first one.
    const wanted = index === 0 ? sides : OURS
    if (index > 0 && cell.engine !== 'append') continue
    const taken = wanted.filter(isMeasured)
    const children = []
    for (const side of taken) {
      const where = { root, redis: side.place === 'redis', node: nodes[index] }
      children.push(await startChild('turns', { ...cell, ...side, settings }, where))
    }
    const figures = taken.map(() => [])
    for (let round = 0; round < rounds; round++) {
      for (let step = 0; step < taken.length; step++) {
        const number = (round + step) % taken.length
        figures[number].push(await children[number].measure())
      }
    }
    for (const child of children) await child.stop()
    const results = taken.map((side, number) => ({ ...side, ...summarize(figures[number], figures[0]) }))
    measured.push({ ...cell, version, results })
    write()
    const shown = results.map(
      ({ subject, figures: { main }, ratios }) =>
        `${subject} ${main.toFixed(1)} us (${ratios.main?.median.toFixed(2)}x)`,
    )
    console.log(`${version} ${cell.engine} ${cell.size / KIB} KB x ${cell.chains}: ${shown.join(', ')}`)
  }
}
for (const { subjects, ...about } of values.only === undefined ? OPERATIONS : []) {
  const cell = { ...about, size: about.size * KIB, keys: KEYS, sides: sidesFor(PLACES[about.place], subjects.slice(1)) }
  if (cell.place === 'redis' && redisVersion() === undefined) continue
  const how = { rounds: Math.min(rounds, 3), text: 'latin', settings: { ...settings, limit: duration * 10 } }
  operations.push(await measureCell(cell, how, root))
  write()
  const [, ...shown] = Object.entries(operations.at(-1).results)
  const words = shown.map(
    ([name, { ratios }]) => `${name} ${ratios.rate.median.toFixed(2)}x, main ${ratios.main?.median.toFixed(2)}x`,
  )
  console.log(`${cell.place} ${cell.operation} ${cell.size / KIB} KB x ${cell.chains}: ${words.join(', ')}`)
}

/** Writes what is measured so far: all of it takes a while. */
function write() {
  const data = { environment, rounds, duration, versions, cells: measured, operations }
  writeFileSync(`${values.output}/TURNS.md`, renderTurns(data))
  writeFileSync(`${values.output}/turns.svg`, drawTurns(measured.filter(({ version }) => version === versions[0])))
}
