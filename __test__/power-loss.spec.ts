import { spawnSync } from 'node:child_process'
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { kept, PowerLoss } from './support/power-loss.js'
import { temporaryDirectory } from './support/subjects.js'
import { parseTrace } from './support/trace.js'
import { versioned } from './support/versions.mjs'

const SCRIPT = fileURLToPath(new URL('children/power-loss.mjs', import.meta.url))
const CALLS =
  'openat,open,creat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,truncate'

/** Traces are made where they may be: not on other systems, nor in a container that forbids it. */
const CAN_TRACE = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
if (!CAN_TRACE) console.warn('power-loss.spec.ts is skipped: strace is missing, or may not trace here')

/** The calls of saves and deletes, and what a power loss between any two of them may leave. */
async function trace(durable: boolean) {
  const root = await realpath(await temporaryDirectory())
  const below = join(root, 'below')
  const old = join(below, 'old')
  await mkdir(old, { recursive: true })
  for (const id of ['saved:plain', 'deleted:plain', 'both:plain']) {
    await writeFile(join(old, `${id}.json`), JSON.stringify(versioned(id, 1)))
  }
  // As a crash leaves it between the two steps of the first save.
  await writeFile(join(old, 'both%3Aplain.json'), JSON.stringify(versioned('both:plain', 2)))
  const log = join(root, 'trace')
  const options = ['-f', '-y', '-s', '200', '-e', 'quiet=all', '-e', `trace=${CALLS}`, '-o', log]
  const argument = JSON.stringify({ root: below, durable })
  const { status } = spawnSync('strace', [...options, process.execPath, SCRIPT, argument], { timeout: 60_000 })
  expect(status).toBe(0)
  const loss = new PowerLoss(parseTrace(await readFile(log, 'utf8')), below)
  const fresh = ['one', ...Array.from({ length: 6 }, (_, index) => `burst${index}`)]
  const conversations = [
    ...fresh.map((id) => kept(join(below, 'new', 'states'), id)),
    kept(old, 'saved:plain', { plain: 1 }),
    kept(old, 'deleted:plain', { plain: 1 }),
    kept(old, 'both:plain', { own: 2, plain: 1 }),
  ]
  return { loss, conversations }
}

describe.runIf(CAN_TRACE)('a power loss at any moment', () => {
  it('leaves the old state or the new one, and the new one once it was acknowledged', async () => {
    const { loss, conversations } = await trace(true)
    expect(loss.deeds.filter((deed) => Number.isFinite(deed.acknowledged))).toHaveLength(29)
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
