import { spawnSync } from 'node:child_process'
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import type { Place } from './support/open.mjs'
import { kept, PowerLoss } from './support/power-loss.js'
import { judgePowerLoss } from './support/sqlite-power-loss.js'
import { temporaryDirectory } from './support/subjects.js'
import { parseTrace } from './support/trace.js'
import { versioned, versionOf } from './support/versions.mjs'
import { LONG } from './support/waiting.js'

const SCRIPT = fileURLToPath(new URL('children/power-loss.mjs', import.meta.url))
const CALLS =
  'openat,open,creat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,truncate'

/** How often saves and turns alternate where SQLite loses power. */
const ROUNDS = Number(process.env.FLOWKIT_POWER_LOSS_ROUNDS ?? 2)

/** Traces are made where they may be: not on other systems, nor in a container that forbids it. */
const CAN_TRACE = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
if (!CAN_TRACE) console.warn('power-loss.spec.ts is skipped: strace is missing, or may not trace here')

/** The calls of saves and deletes, and what a power loss between any two of them may leave. */
async function trace(durable: boolean) {
  const root = await realpath(await temporaryDirectory())
  const below = join(root, 'below')
  const old = join(below, 'old')
  await mkdir(old, { recursive: true })
  const others = [
    ...['saved:plain', 'deleted:plain', 'both:plain'].map((id) => kept(old, id, { plain: 1 })),
    ...['Saved', 'Deleted', 'Both'].map((id) => kept(old, id, { plain: 1 })),
  ]
  for (const { id, own, plain, before } of others) {
    await writeFile(plain as string, JSON.stringify(versioned(id, 1)))
    if (!/both/i.test(id)) continue
    // As a crash leaves it between the two steps of the first save.
    await writeFile(own, JSON.stringify(versioned(id, 2)))
    before.own = 2
  }
  const log = join(root, 'trace')
  const options = ['-f', '-y', '-s', '200', '-e', 'quiet=all', '-e', `trace=${CALLS}`, '-o', log]
  const argument = JSON.stringify({ root: below, durable })
  const { status } = spawnSync('strace', [...options, process.execPath, SCRIPT, argument], { timeout: LONG })
  expect(status).toBe(0)
  const loss = new PowerLoss(parseTrace(await readFile(log, 'utf8')), below)
  const fresh = ['one', 'locked', ...Array.from({ length: 6 }, (_, index) => `burst${index}`)]
  const conversations = [...fresh.map((id) => kept(join(below, 'new', 'states'), id)), ...others]
  return { loss, conversations }
}

describe.runIf(CAN_TRACE)('a power loss at any moment', () => {
  it('leaves the old state or the new one, and the new one once it was acknowledged', async () => {
    const { loss, conversations } = await trace(true)
    expect(loss.deeds.filter((deed) => Number.isFinite(deed.acknowledged))).toHaveLength(36)
    expect(loss.syncs.directories).toBeGreaterThan(5)
    expect(loss.violations(conversations)).toEqual([])
  })

  it('takes acknowledged states where syncing is turned off: the checker would see it', async () => {
    const { loss, conversations } = await trace(false)
    const violations = loss.violations(conversations)
    for (const { id } of conversations) expect(violations.some((text) => text.startsWith(`${id}: `))).toBe(true)
    expect(violations.some((text) => text.includes('a torn file'))).toBe(true)
  })
})

describe.runIf(CAN_TRACE)('a power loss between the commits of locks, which are not synced', () => {
  /** Runs saves and turns on a database, and looks at what a power loss may leave of it. */
  async function judge(makePlace: (path: string) => Place) {
    const root = await realpath(await temporaryDirectory())
    const path = join(root, 'states.db')
    const log = join(root, 'trace')
    const calls = 'trace=pwrite64,write,fsync,fdatasync,ftruncate,unlink'
    const options = ['-f', '-y', '-xx', '-s', '70000', '-e', 'quiet=all', '-e', calls, '-o', log]
    const script = fileURLToPath(new URL('children/sqlite-power-loss.mjs', import.meta.url))
    const argument = JSON.stringify({ place: makePlace(path), rounds: ROUNDS })
    const { status } = spawnSync('strace', [...options, process.execPath, script, argument], { timeout: LONG })
    expect(status).toBe(0)
    const trace = parseTrace(await readFile(log, 'utf8'))
    return judgePowerLoss(trace, path, root, (id, text) => versionOf(id, JSON.parse(text)))
  }

  it('takes nothing from SQLite that was acknowledged, and damages no file', async () => {
    const verdict = await judge((path) => ({ adapter: 'sqlite', options: { path } }))
    expect(verdict.violations).toEqual([])
    if (process.env.FLOWKIT_VERBOSE) console.log(verdict)
    // Two acknowledged writes, then two that may share a batch.
    expect(verdict.syncs).toBeGreaterThanOrEqual(3 * ROUNDS)
    expect(verdict.disks).toBeGreaterThan(30 * ROUNDS)
  })

  it('takes saves from a database that syncs none: the checker would see it', async () => {
    const { violations } = await judge((path) => ({ adapter: 'better-sqlite3', options: { path, journal: 'WAL' } }))
    expect(violations).not.toEqual([])
  })
})
