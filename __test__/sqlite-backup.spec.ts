import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { temporaryDirectory } from './support/subjects.js'

const { sample } = samples

/** The least number of pages of the database, and how many of them a step copies. */
const PAGES = 1000
const STEP = 20

async function open(journal: string, options: object = {}) {
  const path = join(await temporaryDirectory(), 'states.db')
  const db = new Database(path)
  onTestFinished(() => void db.close())
  db.pragma(`journal_mode = ${journal}`)
  db.pragma('synchronous = NORMAL')
  const storage = new SQLiteStorage({ db, ...options })
  const text = 'x'.repeat(40_000)
  await Promise.all(
    [...Array(PAGES / 10).keys()].map((index) => storage.save(sample(`c${index}`, { slots: { text } }))),
  )
  return { db, storage, copy: `${path}.copy` }
}

describe.for(['WAL', 'DELETE'])('a backup of the connection, in %s mode', (journal) => {
  it.for([{}, { mode: 'inline' }] as const)('ends while conversations are saved: %o', async (options, { task }) => {
    const { db, storage, copy } = await open(journal, options)
    const saves: Promise<void>[] = []
    const modes = new Set<string>()
    let steps = 0
    const { totalPages } = await db.backup(copy, {
      progress({ totalPages, remainingPages }) {
        steps++
        if (steps > 20 * (totalPages / STEP)) throw new Error(`${task.name}: ${remainingPages} pages are left`)
        saves.push(storage.save(sample('c0', { currentStep: `${steps}` })))
        modes.add(storage.mode)
        return STEP
      },
    })
    await Promise.all(saves)
    expect(totalPages).toBeGreaterThan(PAGES)
    // Each page once. What was in flight when it began may have made it begin anew.
    expect(steps).toBeLessThan(2 * (totalPages / STEP))
    expect([...modes]).toEqual(['inline'])
    const copied = new Database(copy)
    onTestFinished(() => void copied.close())
    const { n, state } = copied
      .prepare("SELECT count(*) AS n, max(state) FILTER (WHERE id = 'c0') AS state FROM conversations")
      .get() as { n: number; state: string }
    expect(n).toBe(PAGES / 10)
    expect(Number(JSON.parse(state).currentStep)).toBeGreaterThan(steps - 3)
    expect(copied.pragma('integrity_check', { simple: true })).toBe('ok')
    expect((await storage.load('c0'))?.currentStep).toBe(`${steps}`)
    expect(storage.mode).toBe('mode' in options ? 'inline' : 'native')
  })
})

it.for([{}, { mode: 'inline' }] as const)('a backup ends beside saves without a pause: %o', async (options) => {
  const { db, storage, copy } = await open('WAL', options)
  let isDone = false
  const saveOn = async (id: string) => {
    for (let number = 0; number < 5000 && !isDone; number++) await storage.save(sample(id, { slots: { number } }))
  }
  const saving = Promise.all(['a', 'b', 'c'].map(saveOn))
  await db.backup(copy)
  isDone = true
  await saving
  // Otherwise the saves would have come to their end first.
  expect((await storage.load('a'))?.slots.number).toBeLessThan(4999)
  const copied = new Database(copy, { readonly: true })
  onTestFinished(() => void copied.close())
  expect(copied.pragma('integrity_check', { simple: true })).toBe('ok')
})

it('a backup that pauses keeps saves inline, and says why', async () => {
  const { db, storage, copy } = await open('WAL')
  let isPaused = true
  const backup = db.backup(copy, { progress: () => (isPaused ? 0 : 2 ** 30) })
  while (storage.mode === 'native') await new Promise((resolve) => setImmediate(resolve))
  expect(storage.modeReason).toMatch(/backup is running/)
  for (let number = 0; number < 20; number++) await storage.save(sample('paused', { currentStep: `${number}` }))
  expect((await storage.load('paused'))?.currentStep).toBe('19')
  isPaused = false
  await backup
  expect(storage.mode).toBe('native')
  await storage.save(sample('paused'))
  expect(await storage.load('paused')).toEqual(sample('paused'))
})

it('a backup that fails is over', async () => {
  const { db, storage, copy } = await open('WAL')
  const backup = db.backup(copy, {
    progress() {
      expect(storage.mode).toBe('inline')
      throw new Error('enough')
    },
  })
  await expect(backup).rejects.toThrow('enough')
  expect(storage.mode).toBe('native')
})

it('VACUUM INTO and serialize() see what was saved before, and saves go on', async () => {
  const { db, storage, copy } = await open('DELETE')
  const saved = storage.save(sample('before'))
  db.exec(`VACUUM INTO '${copy}'`)
  await saved
  const later = storage.save(sample('later'))
  const copies = [new Database(copy), new Database(db.serialize())]
  await later
  for (const copied of copies) {
    onTestFinished(() => void copied.close())
    expect(copied.prepare("SELECT id FROM conversations WHERE id = 'before'").all()).toHaveLength(1)
  }
  expect(storage.mode).toBe('native')
})
