// `node benchmark/guard.mjs`: the cells that the targets are about, in a minute. It fails only where less than half of a
// target is reached, so that a busy machine does not fail it and a change that makes an adapter twice as slow does.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { redisVersion } from './harness/redis-server.mjs'
import { measureCell } from './harness/schedule.mjs'
import { size, times } from './report/format.mjs'
import { isReached, judge } from './report/judge.mjs'
import { VARIANTS } from './subjects/index.mjs'
import { TARGETS } from './targets.mjs'

/** No cell is begun later: the rest of the minute is for those that have to be looked at again. */
const FIRST_LOOK_MS = 35_000
const SECOND_LOOK_MS = 47_000
const ALLOWANCE = 2
const KIB = 1024

const { 'client-methods': clientMethods } = VARIANTS.redis.subjects
/** Until an ioredis client is served natively, its own methods are called, and nothing can be won. */
const clients = clientMethods.available?.() ? ['client', 'host'] : ['host']

const cell = (variant, operation, chains, subjects, bytes = 2 * KIB) => ({
  variant,
  operation: /** @type {'save' | 'load'} */ (operation),
  loop: /** @type {const} */ ('closed'),
  size: bytes,
  chains,
  subjects: [VARIANTS[variant].reference, ...subjects],
})

/** The most important first: on a slow machine the time is over before the last. */
const CELLS = [
  cell('sqlite-wal-full', 'save', 64, ['db', 'path']),
  cell('sqlite-delete-full', 'save', 64, ['db']),
  cell('file-durable', 'save', 16, ['file']),
  cell('redis', 'save', 64, clients),
  cell('memory', 'save', 64, ['memory']),
  cell('file-fast', 'save', 16, ['file']),
  cell('sqlite-wal-normal', 'save', 64, ['db']),
  cell('redis', 'load', 64, clients),
  cell('memory', 'load', 64, ['memory']),
  cell('sqlite-wal-normal', 'load', 64, ['db']),
  cell('memory', 'save', 16, ['memory'], 20 * KIB),
  cell('sqlite-wal-full', 'save', 1, ['db', 'path']),
  cell('sqlite-wal-normal', 'save', 1, ['db']),
  cell('file-fast', 'save', 1, ['file']),
  cell('redis', 'save', 1, clients),
]

const options = {
  rounds: 1,
  text: 'latin',
  quick: true,
  settings: { duration: 300, minimum: 20, limit: 2000, warmUp: 150, floor: 50 },
}

const hasRedis = redisVersion() !== undefined
const cells = CELLS.filter(({ variant }) => hasRedis || VARIANTS[variant].adapter !== 'redis')
const root = mkdtempSync(join(tmpdir(), 'flowkit-guard-'))
process.once('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }))

const began = performance.now()
const hasTime = (milliseconds) => performance.now() - began < milliseconds
/** @type {import('./harness/schedule.mjs').Measured[]} */
const measured = []
for (const planned of cells) {
  if (!hasTime(FIRST_LOOK_MS)) break
  measured.push(await measureCell(planned, options, root))
}

// One round is a glance. What looks far off is measured again, the median of three rounds counts, and nothing fails
// without that: a machine that is too busy for it is too busy to judge.
const confirmed = new Set()
const suspects = new Set(TARGETS.flatMap((target) => (isFar(target) ? [judge(target, measured).worst?.cell] : [])))
for (const suspect of suspects) {
  if (suspect === undefined || !hasTime(SECOND_LOOK_MS)) break
  const index = measured.indexOf(suspect)
  measured[index] = await measureCell(cells[index], { ...options, rounds: 3 }, root)
  confirmed.add(measured[index])
}

let failed = 0
for (const target of TARGETS) {
  const { worst } = judge(target, measured)
  if (worst === undefined) continue
  const wanted = target.atLeast === undefined ? `<= ${target.atMost}x` : `>= ${target.atLeast}x`
  const far = isFar(target) && confirmed.has(worst.cell) && target.short === undefined
  const word = far ? 'FAR OFF' : isReached(target, worst.value) ? 'reached' : isFar(target) ? 'unsure ' : 'not yet'
  const where = `${worst.cell.variant} ${worst.subject} ${size(worst.cell.size)} x ${worst.cell.chains}`
  const what = `${target.adapter}: ${target.text} (${where})`
  console.log(`${word}  ${times(worst.value).padStart(8)}  ${wanted.padEnd(8)}  ${what}`)
  if (target.short !== undefined && isFar(target)) console.log(`         known: ${target.short}`)
  if (far) failed++
}
if (measured.length < cells.length) console.log(`${cells.length - measured.length} cells left out: the time was over.`)
if (!hasRedis) console.log('Redis left out: there is no redis-server.')
const seconds = ((performance.now() - began) / 1000).toFixed(0)
console.log(`${measured.length} cells in ${seconds} s; ${failed} of the targets not even half reached.`)
process.exit(failed === 0 ? 0 : 1)

/** @param {import('./targets.mjs').Target} target */
function isFar(target) {
  const { worst } = judge(target, measured)
  return worst !== undefined && !isReached(target, worst.value, ALLOWANCE)
}
