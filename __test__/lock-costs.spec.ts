// How often a turn commits to SQLite and syncs a disk, without a lock and with one. docs/locks.md has the table.
import { spawnSync } from 'node:child_process'
import { mkdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import type { Place } from './support/open.mjs'
import { temporaryDirectory } from './support/subjects.js'
import { type Call, descriptorPath, parseTrace, quoted } from './support/trace.js'
import { LONG } from './support/waiting.js'

const SCRIPT = fileURLToPath(new URL('children/lock-costs.mjs', import.meta.url))
const COUNT = 20

/** Calls that change what is on a disk, or lock it. */
const CALLS = 'write,pwrite64,fsync,fdatasync,rename,linkat,unlink,flock,openat'

const CAN_TRACE = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0

/** Returns how many transactions a WAL holds: the last frame of each has the size of the database. */
function commitsOf(wal: Buffer): number {
  const pageSize = wal.readUInt32BE(8)
  let commits = 0
  for (let frame = 32; frame + 24 + pageSize <= wal.length; frame += 24 + pageSize) {
    // An older frame has another salt.
    const isCurrent = wal.subarray(frame + 8, frame + 16).equals(wal.subarray(16, 24))
    if (isCurrent && wal.readUInt32BE(frame + 4) !== 0) commits++
  }
  return commits
}

interface Costs {
  [phase: string]: { syncs: number; commits?: number; calls: number }
}

/** Returns what a turn costs on a place below `root`, for each way to do it. */
async function measure(makePlace: (root: string) => Place): Promise<Costs> {
  const root = await realpath(await temporaryDirectory())
  await mkdir(join(root, 'data'))
  const place = makePlace(join(root, 'data'))
  const log = join(root, 'trace')
  const options = ['-f', '-y', '-s', '40', '-e', 'quiet=all', '-e', `trace=${CALLS}`, '-o', log]
  const argument = JSON.stringify({ place, count: COUNT })
  const { status } = spawnSync('strace', [...options, process.execPath, SCRIPT, argument], { timeout: LONG })
  expect(status).toBe(0)
  const costs: Costs = {}
  let phase = { syncs: 0, calls: 0 }
  let before = 0
  for (const call of parseTrace(await readFile(log, 'utf8'))) {
    if (call.name === 'write' && quotedOr(call).startsWith('MARK ')) {
      const word = quotedOr(call).slice(5).trim()
      const each = (count: number) => Math.round((count / COUNT) * 100) / 100
      costs[word] = { syncs: each(phase.syncs), calls: each(phase.calls) }
      if (place.options.path) {
        const commits = commitsOf(await readFile(`${place.options.path}-wal.${word}`))
        costs[word].commits = each(commits - before)
        before = commits
      }
      phase = { syncs: 0, calls: 0 }
    }
    const isInside = [descriptorPath(call), quotedOr(call)].some((path) => path.startsWith(join(root, 'data')))
    if (!isInside || quotedOr(call).includes('-wal.')) continue
    if (call.name.endsWith('sync')) phase.syncs++
    phase.calls++
  }
  if (process.env.FLOWKIT_VERBOSE) console.table(costs)
  return costs
}

const quotedOr = (call: Call) => (call.args.includes('"') ? quoted(call) : '')

describe.runIf(CAN_TRACE)('a turn with a lock', () => {
  it('on files syncs no more than one without', async () => {
    const { plain, lock, update, burst } = await measure((dir) => ({ adapter: 'file', options: { dir } }))
    expect(plain?.syncs).toBe(2)
    for (const locked of [lock, update, burst]) expect(locked?.syncs).toBe(2)
  })

  it('on SQLite by its path commits three times and syncs once', async () => {
    const place = (dir: string): Place => ({ adapter: 'sqlite', options: { path: join(dir, 'states.db') } })
    const { plain, lock, update, burst } = await measure(place)
    expect(plain).toMatchObject({ commits: 1, syncs: 1 })
    for (const locked of [lock, update]) expect(locked).toMatchObject({ commits: 3, syncs: 1 })
    // Each but the first and the last is handed the lock.
    expect(burst).toMatchObject({ commits: (COUNT + 2) / COUNT, syncs: 1 })
  })

  it('on a database of the user commits three times and syncs as the user has it', async () => {
    for (const mode of ['auto', 'inline']) {
      const options = (dir: string) => ({ path: join(dir, 'states.db'), journal: 'WAL', mode })
      const { plain, lock, update } = await measure((dir) => ({ adapter: 'better-sqlite3', options: options(dir) }))
      expect(plain).toMatchObject({ commits: 1, syncs: 0 })
      for (const locked of [lock, update]) expect(locked).toMatchObject({ commits: 3, syncs: 0 })
    }
  })
})
