'use strict'

/** @import { Case, ListingStorage, TestedStorage } from '../case.js' */

// P18: looks through the conversations. P8 for their arguments.
const assert = require('node:assert/strict')

const { rejectsWith } = require('../lock-case.js')
const { hostileIds, sample } = require('../samples.js')

/** Ids that patterns of servers and databases take for more than one. */
const PATTERNS = ['f[ab]:x', 'fa:x', 'fb:x', 'f*:x', 'f?:x', 'f\\:x', 'f%:x', 'f_:x', 'f', 'F:x', '💬:x', '💬']

/**
 * @param {string} name
 * @param {(storage: ListingStorage, rest: { runs: number, plant: (id: string, text: string) => Promise<unknown> }) => Promise<void>} run
 * @param {Case['needs']} [needs]
 * @returns {Case}
 */
function listCase(name, run, needs = []) {
  return {
    name,
    needs: ['list', ...needs],
    run: ({ storage, runs, plant }) => run(/** @type {ListingStorage} */ (storage), { runs, plant }),
  }
}

/** @param {TestedStorage} storage @param {string[]} ids */
async function saveAll(storage, ids) {
  await Promise.all(ids.map((id) => storage.save(sample(id))))
}

/** @param {ListingStorage} storage @param {object} [options] */
async function idsOf(storage, options) {
  const ids = []
  for await (const { id } of storage.list(options)) ids.push(id)
  return [...new Set(ids)].sort()
}

/** @param {number} count */
const numbered = (count) => Array.from({ length: count }, (_, n) => `c-${n}`).sort()

/** @type {Case[]} */
const cases = [
  listCase('lists each conversation, whatever its id, with its size', async (storage) => {
    const ids = hostileIds()
    await saveAll(storage, ids)
    assert.deepEqual(await idsOf(storage), [...new Set(ids)].sort())
    assert.deepEqual(await idsOf(storage, { details: false }), [...new Set(ids)].sort())
    assert.equal(await storage.count(), new Set(ids).size)
    for await (const one of storage.list()) {
      const text = Buffer.byteLength(JSON.stringify(await storage.load(one.id)))
      assert.ok(one.size >= text, `${one.size} bytes for ${text}`)
      assert.ok(one.updatedAt === null || Math.abs(Date.now() - one.updatedAt) < 3_600_000, String(one.updatedAt))
      assert.ok(one.expiresAt === null || one.expiresAt > Date.now(), String(one.expiresAt))
    }
  }),
  listCase('an empty place has no conversations', async (storage) => {
    assert.deepEqual(await idsOf(storage), [])
    assert.equal(await storage.count(), 0)
    assert.equal(await storage.clear({ all: true }), 0)
    assert.deepEqual(await storage.purge({ olderThan: 0 }), { removed: 0, kept: 0, unknown: 0 })
    assert.deepEqual(await idsOf(storage), [])
  }),
  listCase('a prefix means itself and is no pattern', async (storage) => {
    await saveAll(storage, PATTERNS)
    for (const pattern of PATTERNS) {
      for (const prefix of [pattern, pattern.slice(0, -1), pattern.slice(0, 2)].filter((text) => text.isWellFormed())) {
        const expected = PATTERNS.filter((id) => id.startsWith(prefix)).sort()
        assert.deepEqual(await idsOf(storage, { prefix }), expected, prefix)
        assert.equal(await storage.count({ prefix }), expected.length, prefix)
      }
    }
    assert.equal(await storage.clear({ prefix: 'f[ab]:' }), 1)
    assert.equal(await storage.clear({ prefix: 'f*' }), 1)
    assert.deepEqual(await idsOf(storage), PATTERNS.filter((id) => id !== 'f[ab]:x' && id !== 'f*:x').sort())
  }),
  listCase('goes on behind the cursor, in pages of any size', async (storage) => {
    const ids = numbered(130)
    await saveAll(storage, ids)
    for (const limit of [1, 50, 130, 1_000]) {
      const found = []
      /** @type {string | null | undefined} */
      let cursor
      let pages = 0
      do {
        const list = storage.list({ limit, details: false, ...(cursor ? { cursor } : {}) })
        let count = 0
        for await (const { id } of list) count = found.push(id) && count + 1
        assert.ok(count <= limit, `${count} of ${limit}`)
        cursor = list.cursor
        assert.ok(++pages < 200)
      } while (cursor !== null)
      assert.deepEqual([...new Set(found)].sort(), ids, `${limit} a page`)
    }
  }),
  listCase('what is there all the time is listed while others come and go', async (storage) => {
    const ids = numbered(700)
    await saveAll(storage, [...ids, ...numbered(300).map((id) => `go-${id}`)])
    const found = []
    let round = 0
    for await (const { id } of storage.list()) {
      found.push(id)
      if (found.length % 20 !== 0) continue
      round++
      await Promise.all([
        storage.save(sample(`new-${round}`)),
        storage.delete(`go-c-${round}`),
        storage.save(sample(`c-${round}`, { slots: { round } })),
      ])
    }
    const known = new Set(found)
    assert.deepEqual(
      ids.filter((id) => !known.has(id)),
      [],
    )
    assert.ok(found.every((id) => /^(new|go-c|c)-\d+$/.test(id)))
  }),
  listCase(
    'purge removes by age, up to its limit, and can only count',
    async (storage) => {
      await saveAll(storage, numbered(120))
      assert.deepEqual(await storage.purge({ olderThan: 3_600 }), { removed: 0, kept: 120, unknown: 0 })
      // Redis tells ages from a distance.
      await new Promise((resolve) => setTimeout(resolve, 200))
      await saveAll(storage, ['young'])
      const options = { olderThan: 0.02, prefix: 'c-' }
      assert.equal((await storage.purge({ ...options, dryRun: true })).removed, 120)
      assert.equal(await storage.count(), 121)
      assert.equal((await storage.purge({ ...options, limit: 20 })).removed, 20)
      assert.equal((await storage.purge(options)).removed, 100)
      assert.deepEqual(await idsOf(storage), ['young'])
    },
    ['ages'],
  ),
  listCase(
    'what is corrupt is listed, and cleared',
    async (storage, { plant }) => {
      await storage.save(sample('right'))
      await plant('wrong', 'no JSON')
      assert.deepEqual(await idsOf(storage), ['right', 'wrong'])
      assert.equal(await storage.clear({ all: true }), 2)
      assert.equal(await storage.load('wrong'), null)
    },
    ['plant'],
  ),
  listCase(
    'refuses arguments of the wrong kind',
    async (storage) => {
      await storage.save(sample('a'))
      const loose = /** @type {any} */ (storage)
      const invalid = 'ERR_STORAGE_INVALID_OPTIONS'
      const bad = [null, 5, 'x', [], { prefix: 5 }, { prefix: '\ud800' }, { signal: {} }, { prefx: '' }]
      for (const options of [
        ...bad,
        { limit: 0 },
        { limit: 1.5 },
        { cursor: '' },
        { cursor: 'from elsewhere' },
        { details: 1 },
        { updatedBefore: Number.NaN },
      ]) {
        await rejectsWith(loose.list(options).next(), invalid)
      }
      for (const options of bad) await rejectsWith(loose.count(options), invalid)
      for (const options of [...bad, undefined, {}, { olderThan: -1 }, { olderThan: '1' }]) {
        await rejectsWith(loose.purge(options), invalid)
      }
      const nothing = [undefined, {}, { all: false }, { prefix: '' }, { all: true, prefix: 'a' }, { prefix: undefined }]
      for (const options of [null, 5, 'x', [], { prefix: 5 }, ...nothing])
        await rejectsWith(loose.clear(options), invalid)
      assert.equal(await storage.count(), 1)
    },
    ['codes'],
  ),
  listCase('a list is over after return() and throw(), whatever its page has left', async (storage) => {
    await saveAll(storage, numbered(20))
    const reason = new Error('enough')
    const isOver = { value: undefined, done: true }
    for (const taken of [0, 1]) {
      for (const end of ['return', 'throw']) {
        const list = /** @type {Required<AsyncIterableIterator<{ id: string }>>} */ (storage.list())
        for (let count = taken; count > 0; count--) assert.equal((await list.next()).done, false)
        if (end === 'throw') await assert.rejects(list.throw(reason), (error) => error === reason)
        else assert.deepEqual(await list.return('value'), { value: 'value', done: true })
        assert.deepEqual(await list.next(), isOver)
        assert.deepEqual(await list.return(), isOver)
        await assert.rejects(list.throw(reason), (error) => error === reason)
      }
    }
    // Calls that are not awaited have their effect one after another.
    const list = /** @type {Required<AsyncIterableIterator<{ id: string }>>} */ (storage.list())
    const [first, , third] = await Promise.all([list.next(), list.return(), list.next()])
    assert.equal(first.done, false)
    assert.deepEqual(third, isOver)
    // What was left is found again from the cursor.
    const broken = storage.list()
    const found = new Set()
    for await (const { id } of broken) {
      found.add(id)
      break
    }
    assert.deepEqual(await broken.next(), isOver)
    const rest = broken.cursor === null ? {} : { cursor: broken.cursor }
    for (const id of await idsOf(storage, rest)) found.add(id)
    assert.deepEqual([...found].sort(), numbered(20))
  }),
  listCase('a signal ends a list, a count and a purge', async (storage) => {
    await saveAll(storage, numbered(20))
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    for (const call of [
      storage.list({ signal }).next(),
      storage.count({ signal }),
      storage.purge({ olderThan: 0, signal }),
    ]) {
      await assert.rejects(call, (error) => error === reason)
    }
    const controller = new AbortController()
    const list = storage.list({ signal: controller.signal })
    await list.next()
    controller.abort(reason)
    // A page brings many along.
    await assert.rejects(list.next(), (error) => error === reason)
    assert.deepEqual(await list.next(), { value: undefined, done: true })
    assert.equal(await storage.count(), 20)
  }),
]

module.exports = cases
