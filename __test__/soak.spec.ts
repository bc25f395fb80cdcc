// All adapters at once under load and faults, for as long as FLOWKIT_SOAK_SECONDS says (`npm run soak -- 7200`).
import { expect, it } from 'vitest'

import { judge } from './soak/plan.mjs'
import { soak } from './soak/run.js'
import type { Place } from './support/open.mjs'
import { startRedis } from './support/redis-server.js'
import { temporaryDirectory } from './support/subjects.js'
import { versioned } from './support/versions.mjs'

const SECONDS = Number(process.env.FLOWKIT_SOAK_SECONDS ?? 20)

it('the judge sees a loss, a torn state and what may have happened', () => {
  expect(judge('x', versioned('x', 5), 5, 5)).toBeUndefined()
  expect(judge('x', versioned('x', 6), 5, 7)).toBeUndefined()
  expect(judge('x', versioned('x', 4), 5, 7)).toMatch(/lost/)
  expect(judge('x', versioned('x', 8), 5, 7)).toMatch(/lost/)
  expect(judge('x', null, 5, 7)).toMatch(/lost/)
  // The eleventh is a delete.
  expect(judge('x', null, 10, 11)).toBeUndefined()
  expect(judge('x', versioned('x', 10), 11, 11)).toMatch(/lost/)
  expect(judge('x', { ...versioned('x', 5), ended: true }, 5, 5)).toMatch(/torn/)
})

it(`loses nothing that was acknowledged in ${SECONDS} s of faults`, { timeout: (SECONDS + 120) * 1000 }, async () => {
  const dir = await temporaryDirectory()
  const server = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
  const places: [string, Place][] = [
    ['memory', { adapter: 'memory', options: undefined }],
    ['file', { adapter: 'file', options: { dir: `${dir}/states` } }],
    ['sqlite { path }', { adapter: 'sqlite', options: { path: `${dir}/path.db` } }],
    ['sqlite { db }', { adapter: 'better-sqlite3', options: { path: `${dir}/db.db`, journal: 'WAL' } }],
    ['redis', { adapter: 'redis', options: { port: server.port, prefix: 'soak:' } }],
  ]
  try {
    const tallies = await Promise.all(
      places.map(([name, place]) => soak(name, place, SECONDS, name === 'redis' ? server : undefined)),
    )
    if (process.env.FLOWKIT_SOAK_SECONDS) console.log(tallies.map((tally) => JSON.stringify(tally)).join('\n'))
    for (const { adapter, acknowledged, wrong } of tallies) {
      expect(wrong, adapter).toEqual([])
      expect(acknowledged, adapter).toBeGreaterThan(0)
    }
  } finally {
    await server.stop()
  }
})
