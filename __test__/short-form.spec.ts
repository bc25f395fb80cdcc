// Which operations cross to native code in their short form, and what JavaScript allows that must not show in it.
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'

import { FileStorage, MemoryStorage, SQLiteStorage } from '../index.js'
import type { Anything } from './support/hostile-values.js'
import { converse, countShort } from './support/short-calls.js'
import { temporaryDirectory } from './support/subjects.js'

const TURNS = 10

async function database() {
  const db = new Database(join(await temporaryDirectory(), 'a.db'))
  onTestFinished(() => void db.close())
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  return db
}

describe('what travels short', () => {
  it.each([
    ['memory', async () => new MemoryStorage()],
    ['files', async () => new FileStorage({ dir: await temporaryDirectory() })],
    ['sqlite { path }', async () => new SQLiteStorage({ path: join(await temporaryDirectory(), 'a.db') })],
    ['sqlite { db } native', async () => new SQLiteStorage({ db: await database() })],
    [
      'sqlite { db } native, with a synced commit',
      async () => {
        const db = await database()
        db.pragma('synchronous = FULL')
        return new SQLiteStorage({ db })
      },
    ],
  ])('every turn from the second on: %s', async (_name, open) => {
    const storage = await open()
    const { saves, loads, wholes } = await countShort(() => converse(storage, TURNS))
    expect({ saves, wholes }).toEqual({ saves: TURNS - 1, wholes: 0 })
    expect(loads).toBeGreaterThanOrEqual(TURNS - 2)
    expect((await storage.load('a'))?.history).toHaveLength(2 * TURNS)
    await storage.close()
  })

  it.each([
    ['memory with snapshots: 0', async () => new MemoryStorage({ snapshots: 0 })],
    ['files with pretty', async () => new FileStorage({ dir: await temporaryDirectory(), pretty: true })],
    ['sqlite { db, mode: inline }', async () => new SQLiteStorage({ db: await database(), mode: 'inline' })],
    ['sqlite { db } in memory', async () => new SQLiteStorage({ db: new Database(':memory:') })],
  ])('nothing: %s', async (_name, open) => {
    const storage = await open()
    expect(await countShort(() => converse(storage, TURNS))).toEqual({ saves: 0, loads: 0, wholes: 0 })
    await storage.close()
  })

  it('nothing within the transaction of the user, and everything after it', async () => {
    const db = await database()
    const storage = new SQLiteStorage({ db })
    await converse(storage, 5)
    db.exec('BEGIN')
    // One state was shortened before it was known.
    expect(await countShort(() => converse(storage, 5))).toEqual({ saves: 0, loads: 0, wholes: 1 })
    db.exec('COMMIT')
    expect(await countShort(() => converse(storage, 5))).toMatchObject({ wholes: 0, saves: 5 })
    expect((await storage.load('a'))?.history).toHaveLength(30)
  })

  it('what is handed back is whole', async () => {
    const db = await database()
    const storage = new SQLiteStorage({ db })
    await converse(storage, 5)
    db.function('noted', () => 1)
    db.exec('CREATE TRIGGER noting AFTER UPDATE ON conversations BEGIN SELECT noted(); END')
    await converse(storage, 5)
    expect(storage.mode).toBe('inline')
    expect((await storage.load('a'))?.history).toHaveLength(20)
  })

  it('no state that is locked or compared', async () => {
    const storage = new MemoryStorage()
    await converse(storage, 5)
    const { state, etag } = await storage.loadEntry('a')
    state?.history.push({ role: 'user', content: 'compared' })
    expect(await countShort(() => storage.save(state as never, { ifMatch: etag }))).toMatchObject({ saves: 0 })
    await converse(storage, 1)
    await expect(storage.save(state as never, { ifMatch: etag })).rejects.toMatchObject({
      code: 'ERR_STORAGE_CONFLICT',
    })
    expect(await countShort(() => storage.withLock('a', () => converse(storage, 5)))).toMatchObject({
      saves: 0,
      loads: 0,
    })
    expect((await storage.load('a'))?.history).toHaveLength(23)
  })
})

describe('a state that is written in its short form', () => {
  const entry = (content: string) => ({ role: 'user', content: content.repeat(100) })

  /** Saves a state twice, and then one whose history goes on with `more`. Returns the text that is stored. */
  async function stored(more: Anything[], members: object = {}, state: Anything = {}) {
    const storage = new MemoryStorage()
    const history = [entry('one'), entry('two'), entry('three')]
    const first = { conversationId: 'a', ...members, history }
    await storage.save(first as never)
    await storage.save(first as never)
    const next = { ...first, history: [...history, ...more], ...state }
    const { saves } = await countShort(() => storage.save(next))
    const { etag } = await storage.loadEntry('a')
    const other = new MemoryStorage({ snapshots: 0 })
    await other.save(next)
    expect(etag).toBe((await other.loadEntry('a')).etag)
    return saves
  }

  const { role, content } = entry('more')
  it.each<[string, () => Anything]>([
    ['inherits its members', () => Object.create({ role, content })],
    ['inherits its content', () => Object.assign(Object.create({ content }), { role })],
    ['is told its place', () => ({ toJSON: (index: string) => ({ index }) })],
    ['is told its place, and returns what has a toJSON', () => ({ toJSON: () => ({ toJSON: () => 'twice' }) })],
    ['is a function that is told its place', () => Object.assign(() => {}, { toJSON: (index: string) => index })],
    ['has a prototype with a toJSON', () => Object.assign(Object.create({ toJSON: () => 1 }), { role, content })],
  ])('an entry that %s', async (_name, make) => {
    expect(await stored([make(), make()])).toBe(1)
  })

  it('a key that JSON escapes', async () => {
    expect(await stored([entry('more')], { 'quo"ted\n\\': 1, '\ud800': { history: [] } })).toBe(1)
  })

  it('a toJSON of numbers is not asked', async () => {
    const prototype = Number.prototype as Anything
    prototype.toJSON = () => 'asked'
    try {
      expect(await stored([1, true])).toBe(1)
    } finally {
      delete prototype.toJSON
    }
  })

  it('a history of another realm, which a toJSON of the arrays of this one does not concern', async () => {
    const history = Object.assign(runInNewContext('[]'), [entry('one'), entry('more')])
    const prototype = Array.prototype as Anything
    prototype.toJSON = () => 'asked'
    try {
      expect(await stored([], {}, { history })).toBe(0)
    } finally {
      delete prototype.toJSON
    }
  })

  // immerjs/immer#429, unadlib/mutative#161
  it('an entry that is there twice, and a history that has two names', async () => {
    const shared = entry('shared')
    expect(await stored([shared, shared], {}, { last: shared })).toBe(1)
    const history = [entry('one'), shared, shared]
    expect(await stored([], {}, { history, messages: history })).toBe(1)
  })

  // rt2zz/redux-persist#609, Starcounter-Jack/JSON-Patch#76
  it('is not what a caller makes of an earlier load', async () => {
    const storage = new MemoryStorage()
    await converse(storage, 5)
    const expected = JSON.stringify(await storage.load('a'))
    for (let time = 0; time < 3; time++) {
      const state: Anything = await storage.load('a')
      expect(JSON.stringify(state)).toBe(expected)
      for (const one of state.history) one.content = 'changed, and never saved'
      state.history.reverse().pop()
    }
  })

  it.runIf('rawJSON' in JSON)('digits that JSON.rawJSON wrote, when a save is within a save', async () => {
    const storage = new MemoryStorage()
    const history = [entry('one'), entry('two'), entry('three')]
    const inner = { conversationId: 'a', history }
    await storage.save(inner as never)
    await storage.save(inner as never)
    let nested: Promise<void> | undefined
    const slots = {
      exact: (JSON as Anything).rawJSON('12345678901234567890'),
      saving: {
        toJSON() {
          nested ??= storage.save({ ...inner, history: [...history, entry('four')] } as never)
          return 'saved'
        },
      },
    }
    const outer = { conversationId: 'a', slots, history } as never
    expect(await countShort(() => storage.save(outer))).toMatchObject({ saves: 1, wholes: 1 })
    await nested
    const other = new MemoryStorage({ snapshots: 0 })
    await other.save(outer)
    expect((await storage.loadEntry('a')).etag).toBe((await other.loadEntry('a')).etag)
  })
})
