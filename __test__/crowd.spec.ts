import { randomUUID } from 'node:crypto'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'

import { type Child, startChild } from './support/child.js'
import { openPlace, type Place } from './support/open.mjs'
import { runSql, temporaryDirectory } from './support/subjects.js'
import { versionOf } from './support/versions.mjs'
import { eventually, LONG, sleep } from './support/waiting.js'

const PROCESSES = 8
const IDS = ['shared', 'also:shared', 'Shared']
const KILLS = process.env.FLOWKIT_FAULTS === 'full' ? 200 : 5

interface Report {
  saves: number
  loads: number
  /** Operations that waited too long for a lock. */
  locked: number
  /** The other processes whose states were seen. */
  versions: number[]
}

const LIMIT = { timeout: LONG + KILLS * 1000 }

/** Eight processes, of which one after the other is killed at a random moment and replaced. Returns how many there were. */
async function crowd(places: Place[]) {
  const stop = join(await temporaryDirectory(), 'stop')
  let number = 0
  const start = () => {
    const place = places[number % places.length]
    number++
    return startChild('crowd.mjs', { place, ids: IDS, number, stop }, { timeout: LONG + KILLS * 1000 })
  }
  const running: Child[] = Array.from({ length: PROCESSES }, start)
  await Promise.all(running.map((child) => child.line()))
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(Math.random() * 100)
    const index = Math.floor(Math.random() * PROCESSES)
    const child = running[index] as Child
    child.process.kill('SIGKILL')
    expect(await child.ending).toMatchObject({ signal: 'SIGKILL', stderr: '' })
    running[index] = start()
    await running[index].line()
  }
  await writeFile(stop, '')
  const reports: Report[] = []
  for (const child of running) {
    const { code, signal, stdout, stderr } = await child.ending
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    reports.push(JSON.parse(stdout.trim().split('\n').at(-1) as string))
  }
  const total = (what: 'saves' | 'loads' | 'locked') => reports.reduce((sum, report) => sum + report[what], 0)
  expect(total('locked')).toBeLessThan(total('saves'))
  // They did meet each other.
  expect(reports.filter((report) => report.versions.length > 1).length).toBeGreaterThan(PROCESSES / 2)
  return number
}

/** Whoever comes next finds whole states of one of the processes, and can go on. */
async function succeed(place: Place, processes: number) {
  const storage = openPlace(place)
  for (const id of IDS) {
    expect(Math.floor(versionOf(id, await storage.load(id)) / 1_000_000)).toBeLessThanOrEqual(processes)
    await storage.delete(id)
    expect(await storage.load(id)).toBeNull()
  }
  await storage.close()
}

describe('eight processes on the same conversations, some of them killed', LIMIT, () => {
  it('in one directory', async () => {
    const dir = join(await temporaryDirectory(), 'states')
    const place: Place = { adapter: 'file', options: { dir } }
    const processes = await crowd([place])
    const names = ['Shared.json', 'also%3Ashared.json', 'shared.json']
    const isLeft = (name: string) => name.startsWith('.flowkit-') && name.endsWith('.tmp')
    const left = (await readdir(dir)).filter(isLeft)
    for (const name of await readdir(dir)) expect(isLeft(name) || names.includes(name)).toBe(true)
    const old = new Date(Date.now() - 2 * 60 * 60 * 1000)
    for (const name of left) await utimes(join(dir, name), old, old)
    await succeed(place, processes)
    await eventually('everything is swept', async () => (await readdir(dir)).length === 0)
  })

  for (const [name, ways] of [
    ['each with a connection of ours', [{ adapter: 'sqlite' }]],
    ['some through better-sqlite3', [{ adapter: 'sqlite' }, { adapter: 'better-sqlite3' }, { adapter: 'inline' }]],
  ] as const) {
    it(`on one SQLite file, ${name}`, async () => {
      const dir = await temporaryDirectory()
      const path = join(dir, 'states.db')
      // Made before they come, so that the first thing they all do is not to change its journal mode.
      const first = openPlace({ adapter: 'sqlite', options: { path } })
      await first.load('nobody')
      await first.close()
      const places = ways.map(
        ({ adapter }): Place =>
          adapter === 'inline'
            ? { adapter: 'better-sqlite3', options: { path, mode: 'inline' } }
            : { adapter, options: { path } },
      )
      const processes = await crowd(places)
      await succeed({ adapter: 'sqlite', options: { path } }, processes)
      expect(await readdir(dir)).toEqual(['states.db'])
      expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
    })
  }

  it('on one Redis server', async () => {
    const options = { host: '127.0.0.1', port: inject('redisPort'), prefix: `${randomUUID()}:` }
    const place: Place = { adapter: 'redis', options }
    await succeed(place, await crowd([place]))
  })
})
