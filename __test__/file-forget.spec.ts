import { chmod, mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { FileStorage } from '../index.js'
import samples from '../testing/samples.js'
import { runChild } from './support/child.js'
import { compileShim } from './support/disk-shim.mjs'
import { temporaryDirectory } from './support/subjects.js'
import { MUSL } from './support/tools.js'

const { sample } = samples

const GLIBC = process.platform === 'linux' && !MUSL

interface Report {
  lost: string[]
  saves: number
  touches: number
  removed: number
}

/** Runs processes that save what is old while all of them remove what is old. */
async function forget(processes: number, dir: string, argument: object, env = process.env): Promise<Report[]> {
  const options = { dir, extension: '.json', durable: false }
  const children = Array.from({ length: processes }, async (_, index) => {
    const given = { place: { adapter: 'file', options }, name: `p${index}`, ...argument }
    const { code, stdout, stderr } = await runChild('forget.mjs', given, { env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout) as Report
  })
  return Promise.all(children)
}

const sum = (reports: Report[], key: 'saves' | 'touches' | 'removed') =>
  reports.reduce((total, report) => total + report[key], 0)

describe('processes that save and touch what is old while all remove what is old', () => {
  it('lose nothing that was acknowledged', async () => {
    const dir = join(await temporaryDirectory(), 'states')
    const reports = await forget(8, dir, { conversations: 4, rounds: 60 })
    expect(reports.flatMap(({ lost }) => lost)).toEqual([])
    expect(sum(reports, 'saves')).toBe(8 * 4 * 60)
    expect(sum(reports, 'touches')).toBeGreaterThan(0)
    expect(sum(reports, 'removed')).toBeGreaterThan(0)
  })

  it.runIf(GLIBC)('lose nothing on a file system without locks', async () => {
    const root = await temporaryDirectory()
    const below = join(root, 'below')
    await mkdir(below)
    const env = { ...process.env, ...compileShim(root, below) }
    const reports = await forget(4, join(below, 'states'), { conversations: 3, rounds: 40, withoutLocks: true }, env)
    expect(reports.flatMap(({ lost }) => lost)).toEqual([])
    expect(sum(reports, 'removed')).toBeGreaterThan(0)
    expect((await readdir(join(below, 'states'))).filter((name) => name.startsWith('.flowkit-'))).toEqual([])
  })
})

describe('a directory with files of others', () => {
  it('keeps them, whatever is listed, purged, cleared or swept', async () => {
    const dir = await temporaryDirectory()
    const strangers = {
      'package.json': '{ "name": "app", "private": true }',
      'backup of a.json': JSON.stringify(sample('a')),
      'b.state.json': JSON.stringify(sample('b')),
      'notes.txt': 'notes',
      '.hidden.json': JSON.stringify(sample('.hidden')),
    }
    for (const [name, text] of Object.entries(strangers)) await writeFile(join(dir, name), text)
    await mkdir(join(dir, 'folder.json'))
    const storage = new FileStorage({ dir, ttl: 60 })
    for (const id of ['a', 'whatsapp:+57300', '💬'.repeat(256)]) await storage.save(sample(id))
    for (const name of await readdir(dir)) await utimes(join(dir, name), 1e9, 1e9)
    expect(await storage.count()).toBe(0)
    expect(await storage.purge({ olderThan: 60, dryRun: true })).toEqual({ removed: 3, kept: 0, unknown: 0 })
    expect(await storage.purge({ olderThan: 60 })).toEqual({ removed: 3, kept: 0, unknown: 0 })
    await storage.save(sample('a'))
    expect(await storage.clear({ all: true })).toBe(1)
    expect((await readdir(dir)).sort()).toEqual([...Object.keys(strangers), 'folder.json'].sort())
  })
})

describe.skipIf(process.platform === 'win32' || process.getuid?.() !== 0)('who may not change the directory', () => {
  const SCRIPT = 'reads-only.mjs'
  const readableDirectory = async () => {
    const dir = await temporaryDirectory()
    await chmod(dir, 0o755)
    return dir
  }

  it('loads and lists, and is told why nothing is touched, purged or cleared', async () => {
    const dir = await readableDirectory()
    for (const id of ['a', 'b']) {
      await writeFile(join(dir, `${id}.json`), JSON.stringify(sample(id)), { mode: 0o644 })
      await utimes(join(dir, `${id}.json`), Date.now() / 1_000 - 30, Date.now() / 1_000 - 30)
    }
    const { stdout, stderr } = await runChild(SCRIPT, { dir }, { uid: 65_534 })
    expect(stderr).toBe('')
    const denied = 'ERR_STORAGE_DENIED'
    expect(JSON.parse(stdout)).toEqual({
      load: sample('a'),
      count: 2,
      list: ['a', 'b'],
      touch: denied,
      purge: denied,
      'purge the young': { removed: 0, kept: 2, unknown: 0 },
      clear: denied,
    })
  })

  it('touches what others own, if it may write it', async () => {
    const dir = await readableDirectory()
    await writeFile(join(dir, 'a.json'), JSON.stringify(sample('a')))
    await chmod(join(dir, 'a.json'), 0o666)
    await utimes(join(dir, 'a.json'), 1e9, 1e9)
    const { stdout } = await runChild(SCRIPT, { dir, only: 'touch' }, { uid: 65_534 })
    expect(JSON.parse(stdout)).toEqual({ touch: true })
    expect(Date.now() - (await stat(join(dir, 'a.json'))).mtimeMs).toBeLessThan(600_000)
  })
})
