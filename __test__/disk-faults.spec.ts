import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { runChild } from './support/child.js'
import { compileShim, KINDS } from './support/disk-shim.mjs'
import { temporaryDirectory } from './support/subjects.js'
import { MUSL } from './support/tools.js'
import { LONG } from './support/waiting.js'

/** Every call instead of a sample: `FLOWKIT_FAULTS=full`, about an hour. */
const FULL = process.env.FLOWKIT_FAULTS === 'full'
const LIMIT = { timeout: FULL ? 3_600_000 : LONG }

/** The shim names glibc's symbols. */
const GLIBC = process.platform === 'linux' && !MUSL

interface Sweep {
  subject: 'file' | 'path' | 'native' | 'inline'
  id: string
  scenarios: string[]
  errors: string[]
  kinds: string[]
  /** Every so many calls, from this one on, one further for each error. */
  step: number
  offset: number
  /** The last call that is made to fail. */
  last?: number
  /** True if the operation must not succeed. */
  mustFail?: boolean
}

interface Report {
  attempts: number
  failed: number
  tolerated: number
  kinds: string[]
  problems: object[]
}

async function sweep(what: Sweep): Promise<Report> {
  const dir = await temporaryDirectory()
  const below = join(dir, 'below')
  await mkdir(below)
  const env = compileShim(dir, below)
  const { code, stdout, stderr } = await runChild('disk-faults.mjs', what, {
    env: { ...process.env, ...env },
    timeout: LIMIT.timeout,
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const ERRORS = ['ENOSPC', 'EIO', 'EMFILE', 'EINTR', 'EACCES', 'EROFS', 'short']
const WARM_AND_COLD = ['save', 'cold save', 'load', 'cold load', 'delete', 'cold delete']
/** A lock that cannot be had is waited for, 5 s. */
const QUICK = KINDS.filter((kind: string) => kind !== 'lock')

describe.runIf(GLIBC)('a call to the system that fails once, or from then on', () => {
  it('costs a file neither the old state nor the next save, and leaves nothing behind', LIMIT, async () => {
    const others = ['plain', 'former'].flatMap((name) => ['save', 'load', 'delete'].map((word) => `${name} ${word}`))
    const scenarios = ['first save', ...WARM_AND_COLD, ...others, 'replace', 'former replace']
    // Kept under an escaped name, so that another program's file can lie under the plain one. With an upper-case letter, so
    // that it has another name where case is ignored.
    const what = { subject: 'file' as const, id: 'Kill:c', scenarios, errors: ERRORS, kinds: KINDS }
    const report = await sweep({ ...what, step: FULL ? 1 : 7, offset: 3 })
    expect(report.problems).toEqual([])
    expect(report.failed).toBeGreaterThan(50)
    expect(report.kinds).toEqual(
      expect.arrayContaining(['open', 'write', 'sync', 'rename', 'close', 'stat', 'mkdir', 'lock', 'link']),
    )
  })

  it('costs a lock on files no update, and leaves nothing behind', LIMIT, async () => {
    const scenarios = ['update', 'cold update', 'plain update']
    const what = { subject: 'file' as const, id: 'Kill:c', scenarios, errors: ERRORS, kinds: KINDS }
    // A lock that cannot be given back is waited for, 1 s.
    const report = await sweep({ ...what, step: FULL ? 1 : 43, offset: 5 })
    expect(report.problems).toEqual([])
    expect(report.failed).toBeGreaterThan(20)
  })

  for (const subject of ['path', 'native', 'inline'] as const) {
    it(`costs SQLite, ${subject}, nothing acknowledged and no page`, LIMIT, async () => {
      const scenarios = ['first save', ...WARM_AND_COLD]
      const sampled = { errors: ['EIO', 'ENOSPC', 'EMFILE'], step: 61, offset: 13 }
      const all = { errors: ERRORS.filter((error) => error !== 'EINTR'), step: 1, offset: 0 }
      const report = await sweep({ subject, id: 'x', scenarios, kinds: QUICK, ...(FULL ? all : sampled) })
      expect(report.problems).toEqual([])
      expect(report.failed).toBeGreaterThan(10)
    })

    it.runIf(FULL)(`costs SQLite, ${subject}, no lock for good`, LIMIT, async () => {
      const scenarios = ['first save', 'save']
      const report = await sweep({ subject, id: 'x', scenarios, kinds: ['lock'], errors: ['EIO'], step: 1, offset: 0 })
      expect(report.problems).toEqual([])
    })
  }

  it('is not taken for a database that may only be read', async () => {
    const opening = { scenarios: ['cold load', 'cold save'], kinds: ['open'], errors: ['EMFILE'], step: 1, offset: 0 }
    for (const subject of ['path', 'native'] as const) {
      const report = await sweep({ subject, id: 'x', ...opening })
      expect(report.problems).toEqual([])
      expect(report.failed + report.tolerated).toBeGreaterThan(2)
    }
  })

  it('has its cause where the table cannot be made', async () => {
    const making = { scenarios: ['first save'], kinds: ['open'], errors: ['EACCES'], step: 1, offset: 0 }
    const report = await sweep({ subject: 'inline', id: 'x', ...making })
    expect(report.problems).toEqual([])
    expect(report.failed).toBeGreaterThan(0)
  })

  it('is no success where the directory of the database was not synced', async () => {
    const first = { scenarios: ['first save'], kinds: ['sync'], errors: ['EIO'], step: 1, offset: 0, last: 1 }
    const report = await sweep({ subject: 'path', id: 'x', mustFail: true, ...first })
    expect(report).toMatchObject({ problems: [], failed: 2 })
  })
})
