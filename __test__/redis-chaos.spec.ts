import { appendFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { type Report, schedule, unleash } from './support/chaos.js'
import { FAULTS } from './support/faults.js'

// `npm run chaos` sets these for a long run.
const { FLOWKIT_CHAOS_FAULTS, FLOWKIT_CHAOS_SEED, FLOWKIT_CHAOS_LONGEST, FLOWKIT_CHAOS_RUNS, FLOWKIT_CHAOS_REPORT } =
  process.env
const runs = Number(FLOWKIT_CHAOS_RUNS ?? 1)
const longest = Number(FLOWKIT_CHAOS_LONGEST ?? 1_000)
const faults = Number(FLOWKIT_CHAOS_FAULTS ?? FAULTS.length)

describe('a storage on a client, among faults', () => {
  for (let run = 0; run < runs; run++) {
    const seed = Number(FLOWKIT_CHAOS_SEED ?? 1) + run
    it(`loses nothing, changes no order, leaves nothing open (seed ${seed})`, {
      timeout: 60_000 * faults,
    }, async () => {
      const reports = await unleash({ faults: schedule(faults, seed), seed, longest })
      if (FLOWKIT_CHAOS_REPORT) appendFileSync(FLOWKIT_CHAOS_REPORT, `${JSON.stringify({ seed, faults, reports })}\n`)
      const done = reports.map(({ counts }: Report) => counts.done ?? 0)
      expect(Math.min(...done)).toBeGreaterThan(100)
      expect(reports.map(({ name, violations }) => ({ name, violations }))).toEqual(
        reports.map(({ name }) => ({ name, violations: [] })),
      )
    })
  }
})
