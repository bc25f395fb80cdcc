// How many saves a second a better-sqlite3 database takes, and what they cost the event loop: by a plain upsert within
// each save ("plain", what an adapter is without this package), inline, and native.
//
//   node benchmark/sqlite-host.mjs [seconds] [directory]
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Database from 'better-sqlite3'

import { SQLiteStorage } from '../index.js'

const seconds = Number(process.argv[2] ?? 2)
const root = process.argv[3] ?? tmpdir()
const text = 'x'.repeat(1800)

/** Time that this thread has spent on a processor, in microseconds; Linux only. */
function threadTime() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1000
  } catch {
    return Number.NaN
  }
}

class Plain {
  constructor({ db }) {
    db.exec('CREATE TABLE IF NOT EXISTS conversations (id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER)')
    this.upsert = db.prepare(
      'INSERT INTO conversations VALUES (?, ?, ?) ON CONFLICT(id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at',
    )
  }

  async save(state) {
    this.upsert.run(state.conversationId, JSON.stringify(state), Date.now())
  }
}

const SUBJECTS = {
  plain: (db) => new Plain({ db }),
  inline: (db) => new SQLiteStorage({ db, mode: 'inline' }),
  native: (db) => new SQLiteStorage({ db }),
}

async function measure(journal, synchronous, chains, make) {
  const directory = mkdtempSync(join(root, 'flowkit-benchmark-'))
  const db = new Database(join(directory, 'states.db'))
  db.pragma(`journal_mode = ${journal}`)
  db.pragma(`synchronous = ${synchronous}`)
  const storage = make(db)
  await storage.save({ conversationId: 'warm', text })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let saved = 0
  delay.enable()
  const busy = threadTime()
  const start = performance.now()
  const end = start + seconds * 1000
  const chain = async (index) => {
    for (let version = 0; performance.now() < end; version++) {
      await storage.save({ conversationId: `c${index}`, version, text })
      saved++
      // Lets the loop turn: what is done on the event loop never leaves the microtasks.
      if (storage.mode !== 'native' && saved % chains === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all(Array.from({ length: chains }, (_, index) => chain(index)))
  const elapsed = (performance.now() - start) / 1000
  const cost = (threadTime() - busy) / saved
  delay.disable()
  db.close()
  rmSync(directory, { recursive: true })
  return { perSecond: saved / elapsed, cost, p99: delay.percentile(99) / 1e6 }
}

console.log('journal  sync    chains  subject  saves/s  x plain  main thread us/save  loop delay p99 ms')
for (const [journal, synchronous] of [
  ['WAL', 'FULL'],
  ['DELETE', 'FULL'],
  ['WAL', 'NORMAL'],
]) {
  for (const chains of [1, 16, 64, 256]) {
    let plain
    for (const [name, make] of Object.entries(SUBJECTS)) {
      const { perSecond, cost, p99 } = await measure(journal, synchronous, chains, make)
      plain ??= perSecond
      const cells = [journal.padEnd(8), synchronous.padEnd(7), String(chains).padEnd(7), name.padEnd(8)]
      cells.push(
        perSecond.toFixed(0).padStart(7),
        (perSecond / plain).toFixed(1).padStart(8),
        cost.toFixed(0).padStart(20),
        p99.toFixed(1).padStart(18),
      )
      console.log(cells.join(' '))
    }
  }
}
