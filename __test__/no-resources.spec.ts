// What becomes of operations while the system refuses threads or descriptors, in processes that have reached a limit.
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, inject, it } from 'vitest'

import { startChild } from './support/child.js'

/** Root has no limit of processes, so that the children of root are somebody else. */
const uid = process.getuid?.() === 0 ? 65534 : undefined
const hasLimits = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0

const REFUSED = 'ERR_STORAGE_UNAVAILABLE EAGAIN, refused'
const ALL_SAVED = { file: ['saved'], redis: ['saved'], client: ['saved'], path: ['saved'], db: ['saved'] }

/** Sets the limit of a process, which it can lift again, and returns what the limit was. */
function limit(pid: number, name: 'nproc' | 'nofile', value: string): string {
  const row = { nproc: 'Max processes', nofile: 'Max open files' }[name]
  const before = new RegExp(`${row} +(\\S+)`).exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1]
  const options = uid === undefined ? {} : { uid, gid: uid }
  execFileSync('prlimit', [`--pid=${pid}`, `--${name}=${value}:`], options)
  return before as string
}

/** What came of saves under the limit, and after it was lifted. */
async function saveUnder(name: 'nproc' | 'nofile', argument: { busy: boolean; where: 'main' | 'worker' }) {
  const child = startChild('no-resources.mjs', { port: inject('redisPort'), ...argument }, { uid })
  const pid = child.process.pid as number
  expect(await child.line()).toBe('"ready"')
  const used = readdirSync(`/proc/${pid}/fd`).length
  const before = limit(pid, name, name === 'nproc' ? '0' : String(used))
  child.process.kill('SIGUSR2')
  const under = JSON.parse(await child.line()) as typeof ALL_SAVED
  limit(pid, name, before)
  child.process.kill('SIGUSR2')
  const lifted = JSON.parse(await child.line()) as typeof ALL_SAVED
  const { code, stderr } = await child.ending
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return { under, lifted }
}

describe.skipIf(!hasLimits)('a process that has reached a limit', () => {
  it.each(['main', 'worker'] as const)('of threads rejects, or goes over the client (%s thread)', async (where) => {
    expect(await saveUnder('nproc', { busy: false, where })).toEqual({
      under: { file: [REFUSED], redis: [REFUSED], client: ['saved'], path: [REFUSED], db: ['saved'] },
      lifted: ALL_SAVED,
    })
  })

  it.each(['main', 'worker'] as const)('of threads goes on with those it has (%s thread)', async (where) => {
    expect(await saveUnder('nproc', { busy: true, where })).toEqual({ under: ALL_SAVED, lifted: ALL_SAVED })
  })

  it.each([false, true])('of open files rejects, or goes over the client (busy before: %s)', async (busy) => {
    const { under, lifted } = await saveUnder('nofile', { busy, where: 'main' })
    // A save that is the only one may find a descriptor.
    for (const kinds of Object.values(under)) {
      for (const kind of kinds) expect(kind).toMatch(/^saved$|^ERR_STORAGE_UNAVAILABLE (EMFILE|SQLITE_CANTOPEN)/)
    }
    expect(under).toMatchObject({ client: ['saved'], db: ['saved'] })
    expect(under.file).toContain('ERR_STORAGE_UNAVAILABLE EMFILE')
    if (!busy) expect(under.redis).toEqual(['ERR_STORAGE_UNAVAILABLE EMFILE, refused'])
    expect(lifted).toEqual(ALL_SAVED)
  })
})
