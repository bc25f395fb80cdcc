// The table of docs/ending.md, cell by cell, with processes that end while their saves are under way.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'

import { runChild } from './support/child.js'
import { openPlace, type Place } from './support/open.mjs'
import { temporaryDirectory } from './support/subjects.js'
import { versionOf } from './support/versions.mjs'

const COUNT = 100

const PAGE = readFileSync(new URL('../docs/ending.md', import.meta.url), 'utf8')
const RECIPE = /```js\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? ''

const file = async (name: string) => join(await temporaryDirectory(), name)
const connection = () => ({ host: '127.0.0.1', port: inject('redisPort') })
const prefix = () => `${randomUUID()}:`

/** How each column of the table is constructed. */
const PLACES: { [column: string]: () => Promise<Place> } = {
  '`FileStorage`': async () => ({ adapter: 'file', options: { dir: await file('states') } }),
  'SQLite, `path`': async () => ({ adapter: 'sqlite', options: { path: await file('states.db') } }),
  'SQLite, `db` native': async () => ({
    adapter: 'better-sqlite3',
    options: { path: await file('states.db'), journal: 'wal' },
  }),
  'SQLite, `db` inline': async () => ({
    adapter: 'better-sqlite3',
    options: { path: await file('states.db'), mode: 'inline' },
  }),
  'Redis, own connection': async () => ({ adapter: 'redis', options: { ...connection(), prefix: prefix() } }),
  'ioredis native': async () => ({ adapter: 'ioredis', options: { connection: connection(), prefix: prefix() } }),
  'ioredis inline': async () => ({
    adapter: 'ioredis',
    options: { connection: connection(), prefix: prefix(), mode: 'inline' },
  }),
  'node-redis': async () => ({ adapter: 'node-redis', options: { connection: connection(), prefix: prefix() } }),
}

interface Ending {
  ending: string
  recipe?: string
  /** How the process ends by that: a code, or a signal. */
  by: number | NodeJS.Signals
}

/** The ways to end that each row of the table stands for. */
const ENDINGS: { [row: string]: Ending[] } = {
  'nothing left to do': [{ ending: 'nothing', by: 0 }],
  '`process.exit()`': [{ ending: 'process.exit()', by: 0 }],
  '`process.exit()` in a handler of a signal': [{ ending: 'process.exit() in a handler', by: 0 }],
  'an uncaught exception or rejection': [
    { ending: 'uncaught exception', by: 1 },
    { ending: 'unhandled rejection', by: 1 },
  ],
  'SIGTERM, SIGINT without a handler': [
    { ending: 'SIGTERM', by: 'SIGTERM' },
    { ending: 'SIGINT', by: 'SIGINT' },
  ],
  'SIGTERM, SIGINT with the lines below': [
    { ending: 'SIGTERM', recipe: RECIPE, by: 143 },
    { ending: 'SIGINT', recipe: RECIPE, by: 130 },
  ],
  '`worker.terminate()`, after the tick of the saves': [{ ending: 'worker.terminate()', by: 0 }],
  '`kill -9`, a crash, power loss': [{ ending: 'SIGKILL', by: 'SIGKILL' }],
}

/** How many conversations are stored, each of them whole. */
async function stored(place: Place): Promise<number> {
  const storage = openPlace(place)
  const states = await Promise.all(
    Array.from({ length: COUNT }, async (_, index) => versionOf(`c${index}`, await storage.load(`c${index}`))),
  )
  return states.filter((version) => version === 1).length
}

const [header = [], , ...rows] = (PAGE.match(/^\| the process ends by[\s\S]*?\n\n/m)?.[0] ?? '')
  .trim()
  .split('\n')
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

it('the table has each construction and each ending', () => {
  expect(header.slice(1)).toEqual(Object.keys(PLACES))
  expect(rows.map(([name]) => name)).toEqual(Object.keys(ENDINGS))
  expect(new Set(rows.flatMap(([, ...cells]) => cells))).toEqual(new Set(['kept', 'sent', 'lost']))
})

describe.each(rows)('%s', (row = '', ...cells) => {
  it.each(cells.map((cell, index) => [header[index + 1] ?? '', cell]))('%s: %s', async (column, cell) => {
    const check = async ({ by, ...ending }: Ending) => {
      const place = await (PLACES[column] as () => Promise<Place>)()
      const { code, signal, stderr } = await runChild('ends.mjs', { place, count: COUNT, ...ending })
      expect(code ?? signal).toBe(by)
      if (by !== 1) expect(stderr).toBe('')
      const count = await stored(place)
      if (cell === 'kept') expect(count).toBe(COUNT)
      if (cell === 'lost') expect(count).toBeLessThan(COUNT)
    }
    await Promise.all((ENDINGS[row] ?? []).map(check))
  })
})
