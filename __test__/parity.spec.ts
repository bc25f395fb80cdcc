import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { SQLiteStorage, type StorageAdapter } from '../index.js'
import { runStorageContract } from '../testing/index.js'
import { hostileIds, sample, states } from '../testing/samples.js'
import { type Differences, listedFailures } from './support/differences.js'
import { type Name, PAIRS, type Pair } from './support/references.js'
import { temporaryDirectory } from './support/subjects.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

// The same random inputs at each run, so that what is listed as failing fails each time. The suite has this very copy.
createRequire(import.meta.url)('fast-check').configureGlobal({ seed: 5 })

const UNCHECKED = /expected a rejection, got null/

/** Every case that a reference adapter fails, and why; `docs/parity.md` says it in words. */
const DIFFERENCES: Record<Name, Differences> = {
  Map: {
    'P4 keeps whatever': /deep-equal/,
    'P4 keeps arbitrary states': /Property failed/,
    'P4 refuses what JSON': /expected a rejection, got undefined/,
    'P8 ': UNCHECKED,
    'P9 refuses': UNCHECKED,
  },
  files: {
    'P2 keeps': /strictly equal|reading 'currentStep'/,
    'P2 follows': /Property failed/,
    'P8 ': UNCHECKED,
    'P9 keeps hostile': /ENAMETOOLONG/,
    'P9 refuses': UNCHECKED,
    'P10 ': UNCHECKED,
  },
  ioredis: { 'P8 ': UNCHECKED, 'P9 refuses': UNCHECKED, 'P10 ': UNCHECKED },
  'better-sqlite3': { 'P8 ': UNCHECKED, 'P9 refuses': UNCHECKED, 'P10 ': UNCHECKED },
}

const NAMES = Object.keys(PAIRS) as Name[]

describe.each(NAMES)('the contract on the reference adapter: %s', (name) => {
  const pairs = new WeakMap<StorageAdapter, Pair>()
  const listed = listedFailures(DIFFERENCES[name])
  runStorageContract(
    async () => {
      const pair = await PAIRS[name]()
      pairs.set(pair.reference, pair)
      return pair.reference
    },
    {
      name: 'differs only where it is listed',
      timeout: 300_000,
      rounds: 2000,
      runs: 300,
      close: false,
      // A Map has no place where something else could be put.
      ...(name === 'Map' ? {} : { plant: (storage, id, text) => pairs.get(storage)?.plant(id, text) }),
      describe,
      it: listed.it,
    },
  )

  it('fails no case that is not there', () => expect(listed.missing()).toEqual([]))
})

/** Ids that need no escaping anywhere: the two name files alike. */
const ORDINARY = ['user-1', 'user_2', 'a.b', 'User-1', '1732250000123', 'x'.repeat(190)]

describe.each(NAMES.filter((name) => name !== 'Map'))('parity with %s', (name) => {
  it('stores the same under the same names', async () => {
    const one = await PAIRS[name]()
    const other = await PAIRS[name]()
    for (const [index, id] of ORDINARY.entries()) {
      const state = sample(id, states()[index])
      await one.reference.save(state)
      await other.ours.save(state)
    }
    const stored = await one.stored()
    expect(Object.keys(stored)).toHaveLength(ORDINARY.length)
    expect(await other.stored()).toEqual(stored)
  })

  const directions: [string, keyof Pair, keyof Pair][] = [
    ['ours loads, replaces and deletes what the reference stored', 'reference', 'ours'],
    ['the reference loads, replaces and deletes what ours stored', 'ours', 'reference'],
  ]
  if (name === 'ioredis') {
    directions.push(
      ['so does ours by an address', 'reference', 'byAddress'],
      ['and of ours by an address', 'byAddress', 'reference'],
    )
  }
  for (const [direction, from, to] of directions) {
    it(direction, async () => {
      const pair = await PAIRS[name]()
      const writer = pair[from] as StorageAdapter
      const reader = pair[to] as StorageAdapter
      // Files are found again where both write the same name; keys and rows always.
      const ids = name === 'files' ? ORDINARY : [...ORDINARY, ...hostileIds()]
      const contents = states()
      for (const [index, id] of ids.entries()) {
        const state = sample(id, contents[index % contents.length])
        await writer.save(state)
        expect(JSON.stringify(await reader.load(id)), id).toBe(JSON.stringify(state))
        await reader.save(sample(id, { currentStep: 'replaced' }))
        expect((await writer.load(id))?.currentStep).toBe('replaced')
        await reader.delete(id)
        expect(await writer.load(id)).toBe(null)
      }
      expect(await pair.stored()).toEqual({})
    })
  }
})

describe('parity with better-sqlite3 in another process', () => {
  const reference = (call: string, file: string) => {
    const script = `
      import Database from 'better-sqlite3'
      import { BetterSqliteStorage } from './benchmark/reference/index.mjs'
      const storage = new BetterSqliteStorage({ db: new Database(process.argv[1]) })
      console.log(JSON.stringify(await ${call}))`
    const args = ['--input-type=module', '-e', script, file]
    return JSON.parse(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }))
  }

  it('loads what ours stored by { path }, and the other way round', async () => {
    const file = join(await temporaryDirectory(), 'states.db')
    const state = sample("it's \u{1F4AC}", { slots: { _handoff: null, b: 1, a: 2 } })
    const id = JSON.stringify(state.conversationId)
    const first = new SQLiteStorage({ path: file })
    await first.save(state)
    await first.close()
    expect(JSON.stringify(reference(`storage.load(${id})`, file))).toBe(JSON.stringify(state))
    reference(`storage.save(${JSON.stringify({ ...state, currentStep: 'theirs' })}).then(() => null)`, file)
    const second = new SQLiteStorage({ path: file })
    expect(await second.load(state.conversationId)).toEqual({ ...state, currentStep: 'theirs' })
    await second.delete(state.conversationId)
    await second.close()
    expect(reference(`storage.load(${id})`, file)).toBe(null)
  })
})

describe('the documentation of the differences', () => {
  const page = readFileSync(join(ROOT, 'docs/parity.md'), 'utf8')

  it.each(NAMES)('lists those of %s, each with its reason', (name) => {
    const rows = [...page.matchAll(/^\| `([^`]+)` \| ([^|]+) \| (.+) \|$/gm)].filter(([, adapter]) => adapter === name)
    expect(rows.map(([, , beginning]) => beginning).sort()).toEqual(
      Object.keys(DIFFERENCES[name])
        .map((beginning) => beginning.trim())
        .sort(),
    )
    for (const [, , , reason] of rows) expect(reason?.length).toBeGreaterThan(20)
  })
})
