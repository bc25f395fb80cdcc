'use strict'

/** @import { Case, ListingStorage, LockingStorage } from '../case.js' */

// P17: expiry has one meaning everywhere.
const assert = require('node:assert/strict')

const { sleep } = require('../lock-case.js')
const { sample } = require('../samples.js')

/** Thrown where more time has passed than conversations live, so that a look at one says nothing. */
const TOO_SLOW = new Error('this machine is too slow to see conversations before they expire')

/** @typedef {ListingStorage & LockingStorage & { touch(id: unknown): Promise<boolean>, has(id: unknown): Promise<boolean> }} Storage */

/**
 * All in one, since each second counts.
 *
 * @param {Parameters<Case['run']>[0]} context
 * @param {number} ttl seconds until conversations expire
 */
async function expire({ create, lock, list }, ttl) {
  const storage = /** @type {Storage} */ (await create({ ttl }))
  const refreshing = /** @type {Storage} */ (await create({ ttl, refreshOnLoad: true }))
  const now = () => performance.now()
  /** @param {number} renewed when what was found began to be saved or touched */
  const checkIsInTime = (renewed) => {
    if (now() - renewed >= ttl * 1_000) throw TOO_SLOW
  }
  const first = now()
  for (const id of ['saved', 'touched', 'loaded', 'again', 'locked']) await storage.save(sample(id))
  await refreshing.save(sample('refreshed'))
  const began = now()
  /** @param {number} share of the time to live */
  const until = (share) => sleep(Math.max(0, began + share * ttl * 1_000 - now()))
  const turn = lock
    ? storage.withLock('locked', async () => {
        checkIsInTime(first)
        await until(1.5)
        const state = await storage.load('locked')
        await storage.save(sample('locked', { slots: { inside: true } }))
        return state
      })
    : undefined
  turn?.catch(() => {}) // It is told of at the end.

  try {
    await until(0.6)
    const second = now()
    const found = [await storage.touch('touched'), await storage.load('loaded'), await refreshing.load('refreshed')]
    checkIsInTime(first)
    assert.deepEqual(found, [true, sample('loaded'), sample('refreshed')])
    await storage.save(sample('again', { slots: { n: 2 } }))
    await until(1.25)
    for (const id of ['saved', 'loaded']) {
      assert.equal(await storage.load(id), null, id)
      assert.equal(await storage.has(id), false, id)
      assert.equal(await storage.touch(id), false, id)
      assert.equal(await storage.load(id), null, `${id}, which a touch must not revive`)
    }
    const renewed = [await storage.load('touched'), await storage.load('again'), await refreshing.load('refreshed')]
    const ids = []
    if (list) for await (const { id } of storage.list()) ids.push(id)
    checkIsInTime(second)
    assert.deepEqual(renewed, [sample('touched'), sample('again', { slots: { n: 2 } }), sample('refreshed')])
    const plain = ids.filter((id) => id !== 'locked' && id !== 'refreshed').sort()
    assert.deepEqual(plain, list ? ['again', 'touched'] : [])
    const third = now()
    if (lock) {
      assert.deepEqual(await storage.loadEntry('saved'), { state: null, etag: null })
      await storage.save(sample('saved', { slots: { n: 3 } }), { ifMatch: null })
      const saved = await storage.load('saved')
      checkIsInTime(third)
      assert.deepEqual(saved, sample('saved', { slots: { n: 3 } }))
      assert.equal((await storage.update('loaded', (state) => state ?? sample('loaded')))?.conversationId, 'loaded')
    }
    await storage.save(sample('loaded'))
    const loaded = await storage.load('loaded')
    checkIsInTime(third)
    assert.deepEqual(loaded, sample('loaded'))
  } finally {
    await turn?.catch(() => {})
  }
  // While it is locked, a conversation does not expire.
  assert.deepEqual(await turn, lock ? sample('locked') : undefined)
}

/** @type {Case[]} */
const cases = [
  {
    name: 'touch tells whether a conversation is there, in order, and changes no text',
    needs: ['retention'],
    async run({ storage: tested }) {
      const storage = /** @type {Storage} */ (tested)
      const all = [
        storage.touch('a'),
        storage.save(sample('a')),
        storage.touch('a'),
        storage.delete('a'),
        storage.touch('a'),
      ]
      assert.deepEqual(await Promise.all(all), [false, undefined, true, undefined, false])
      assert.equal(await storage.load('a'), null)
      await storage.save(sample('b'))
      await storage.touch('b')
      assert.deepEqual(await storage.load('b'), sample('b'))
    },
  },
  {
    name: 'a conversation expires some time after its last save or touch, and begins anew',
    needs: ['retention'],
    async run(context) {
      // Longer where a machine is so busy that what was to be found had expired before the look.
      for (let ttl = 1; ; ttl *= 4) {
        try {
          return await expire(context, ttl)
        } catch (error) {
          if (error !== TOO_SLOW || ttl > 60) throw error
        }
      }
    },
  },
]

module.exports = cases
