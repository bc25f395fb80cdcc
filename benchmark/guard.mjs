// `node benchmark/guard.mjs`: measures the cells that the targets are about, in about a minute. It fails if less than half
// of a target is reached. So a busy machine does not fail it, and a change that makes an adapter twice as slow does.
import { measureCell } from './harness/cells.mjs'
import { makeRoot } from './harness/environment.mjs'
import { redisVersion } from './harness/redis-server.mjs'
import { times } from './report/format.mjs'
import { PLACES } from './subjects/index.mjs'
import { bound, cellsOf, describe, isAbout, isReached, judge, TARGETS } from './targets.mjs'

const ALLOWANCE = 2
const HOW = { rounds: 1, text: 'latin', settings: { duration: 250, minimum: 20, limit: 2000, warmUp: 100 } }

const began = performance.now()
const root = makeRoot()
const hasRedis = redisVersion() !== undefined
const targets = TARGETS.filter(({ place }) => hasRedis || PLACES[place].adapter !== 'redis')
const isFar = (target, cell) => {
  const value = judge(target, [cell])
  return value !== undefined && !isReached(target, value, ALLOWANCE)
}

let failed = 0
for (const cell of cellsOf(targets)) {
  const own = targets.filter((target) => isAbout(target, cell))
  let measured = await measureCell(cell, HOW, root)
  // One round is too short to fail on. What looks far off is measured again, and the median of three rounds counts.
  if (own.some((target) => isFar(target, measured))) measured = await measureCell(cell, { ...HOW, rounds: 3 }, root)
  for (const target of own) {
    const value = judge(target, [measured])
    const word = isFar(target, measured) ? 'FAR OFF' : isReached(target, value) ? 'reached' : 'not yet'
    console.log(`${word}  ${times(value).padStart(8)}  ${bound(target).padEnd(8)}  ${describe(target)}`)
    if (word === 'FAR OFF') failed++
  }
}
if (!hasRedis) console.log('Redis left out: there is no redis-server.')
const seconds = ((performance.now() - began) / 1000).toFixed(0)
console.log(`${targets.length} targets in ${seconds} s; ${failed} of them not even half reached.`)
process.exit(failed === 0 ? 0 : 1)
