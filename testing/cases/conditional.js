'use strict'

/** @import { Case } from '../case.js' */

// P13 for `update`, `loadEntry` and `ifMatch`; P8 for the arguments of all that lock.
const assert = require('node:assert/strict')

const { counter, countOf, deferred, lockCase, rejectsWith } = require('../lock-case.js')
const { sample } = require('../samples.js')

const CONFLICT = 'ERR_STORAGE_CONFLICT'

/** @type {Case[]} */
const cases = [
  lockCase('update saves what it is given or what is returned, and deletes for null', async (storage) => {
    assert.deepEqual(await storage.update('u', (state) => ({ ...state, slots: { n: 3 } })), counter(3))
    assert.equal(await countOf(storage), 3)
    assert.equal(await storage.update('u', () => null), null)
    assert.equal(await storage.load('u'), null)
    assert.equal(await storage.update('u', (state) => assert.equal(state, null)), null)
    assert.equal(await storage.load('u'), null)
    await storage.update('u', () => counter(1))
    assert.equal(await countOf(storage), 1)
    await rejectsWith(
      storage.update('u', () => sample('other')),
      'ERR_STORAGE_INVALID_STATE',
    )
    await assert.rejects(
      storage.update('u', (state) => {
        state.slots.n = 9
        throw new RangeError('no')
      }),
      RangeError,
    )
    assert.equal(await countOf(storage), 1)
  }),
  lockCase('update calls its function again if a plain save came in between', async (storage) => {
    let calls = 0
    const [inside, plain] = [deferred(), deferred()]
    const updated = storage.update('u', async (state) => {
      if (++calls === 1) {
        inside.resolve()
        await plain.promise
      }
      state.slots.n++
    })
    await inside.promise
    await storage.save(counter(10))
    plain.resolve()
    await updated
    assert.equal(calls, 2)
    assert.equal(await countOf(storage), 11)
  }),
  lockCase('a conditional save takes effect only on the state that was loaded', async (storage) => {
    const { state, etag } = await storage.loadEntry('u')
    assert.deepEqual(state, counter(0))
    await storage.save(counter(1), { ifMatch: etag })
    const error = await rejectsWith(storage.save(counter(2), { ifMatch: etag }), CONFLICT)
    assert.match(error.message, /ifMatch/)
    await rejectsWith(storage.delete('u', { ifMatch: etag }), CONFLICT)
    assert.equal(await countOf(storage), 1)
    await rejectsWith(storage.save(counter(2), { ifMatch: null }), CONFLICT)
    await storage.delete('u', { ifMatch: (await storage.loadEntry('u')).etag })
    assert.deepEqual(await storage.loadEntry('u'), { state: null, etag: null })
    await rejectsWith(storage.save(counter(2), { ifMatch: etag }), CONFLICT)
    await storage.save(counter(3), { ifMatch: null })
    assert.equal(await countOf(storage), 3)
  }),
  lockCase('of many conditional saves on one state exactly one takes effect', async (storage) => {
    const { etag } = await storage.loadEntry('u')
    const saves = Array.from({ length: 20 }, (_, n) => storage.save(counter(n + 1), { ifMatch: etag }))
    const ends = await Promise.allSettled(saves)
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal(await countOf(storage), 1)
  }),
  lockCase('refuses arguments of the wrong kind', async (storage) => {
    const loose = /** @type {any} */ (storage)
    const invalid = 'ERR_STORAGE_INVALID_OPTIONS'
    for (const fn of [undefined, null, 'fn', {}]) await rejectsWith(loose.withLock('u', fn), invalid)
    for (const options of [
      null,
      5,
      'wait',
      [],
      { wiat: 1 },
      { wait: -1 },
      { wait: '1' },
      { lease: 1 },
      { hold: 0 },
      { signal: {} },
    ]) {
      await rejectsWith(
        loose.withLock('u', () => {}, options),
        invalid,
      )
      await rejectsWith(
        loose.update('u', () => {}, options),
        invalid,
      )
    }
    await rejectsWith(
      loose.update('u', () => {}, { retries: -1 }),
      invalid,
    )
    for (const options of [null, 5, [], { ifMatch: undefined }, { ifMatch: '' }, { ifMatch: 'x' }, { ifmatch: null }]) {
      await rejectsWith(loose.save(counter(1), options), invalid)
      await rejectsWith(loose.delete('u', options), invalid)
    }
    for (const id of [undefined, 5, '', '\ud800']) {
      await rejectsWith(
        loose.withLock(id, () => {}),
        'ERR_STORAGE_INVALID_ID',
      )
      await rejectsWith(
        loose.update(id, () => {}),
        'ERR_STORAGE_INVALID_ID',
      )
      await rejectsWith(loose.loadEntry(id), 'ERR_STORAGE_INVALID_ID')
    }
    assert.equal(await countOf(storage), 0)
  }),
]

module.exports = cases
