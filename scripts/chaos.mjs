// `npm run chaos`: storages on clients among faults, for longer than the tests do. One table at the end.
//
//   FLOWKIT_CHAOS_RUNS     runs, each on a server of its own (2)
//   FLOWKIT_CHAOS_FAULTS   faults in each (24)
//   FLOWKIT_CHAOS_LONGEST  the longest pause or cut, in ms (8000)
//   FLOWKIT_CHAOS_SEED     of the first run; the next ones count on from it (now, in seconds)
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { attempt, say } from './setup.mjs'

const directory = mkdtempSync(join(tmpdir(), 'flowkit-chaos-'))
const report = join(directory, 'report.jsonl')
const defaults = {
  FLOWKIT_CHAOS_RUNS: '2',
  FLOWKIT_CHAOS_FAULTS: '24',
  FLOWKIT_CHAOS_LONGEST: '8000',
  FLOWKIT_CHAOS_SEED: String(Math.floor(Date.now() / 1_000)),
}
const env = { ...defaults, ...process.env, FLOWKIT_CHAOS_REPORT: report }
const { status } = attempt('npx', ['--no-install', 'vitest', 'run', '__test__/redis-chaos.spec.ts'], { env })

let lines = []
try {
  lines = readFileSync(report, 'utf8').trim().split('\n').map(JSON.parse)
} catch {} // No run came to its end.
rmSync(directory, { recursive: true })

const rows = lines.flatMap(({ seed, faults, reports }) =>
  reports.map(({ name, violations, counts, native, journal }) => {
    const { done = 0, pending = 0, ...rejected } = counts
    const of = (...kinds) => violations.filter(({ kind }) => kinds.includes(kind)).length
    return {
      seed,
      subject: name,
      faults,
      native,
      done,
      unavailable: rejected.ERR_STORAGE_UNAVAILABLE ?? 0,
      'timed out': rejected.ERR_STORAGE_TIMEOUT ?? 0,
      denied: rejected.ERR_STORAGE_DENIED ?? 0,
      lost: of('lost'),
      'out of order': of('order', 'backwards'),
      unsettled: pending + of('unsettled'),
      'wrongly refused': of('refused'),
      journal,
      violations,
    }
  }),
)
say('')
console.table(rows.map(({ journal, violations, ...row }) => row))
for (const { seed, subject, journal, violations } of rows.filter((row) => row.violations.length > 0)) {
  say(`${subject}, seed ${seed}`)
  for (const { kind, id, what } of violations) console.log(`  ${kind}: ${id}: ${what}`)
  for (const entry of journal) console.log(`  ${entry}`)
}
process.exit(status ?? 1)
