'use strict'

/** @import { Case, LockingStorage } from '../case.js' */

// P13 no update is lost, P14 one turn at a time, P15 bounded, P16 drop-in stays drop-in.
const assert = require('node:assert/strict')

const { addOne, counter, countOf, deferred, lockCase, rejectsWith, sleep } = require('../lock-case.js')

const CONFLICT = 'ERR_STORAGE_CONFLICT'
const TIMEOUT = 'ERR_STORAGE_TIMEOUT'

/**
 * Runs a turn that loads, waits for `meanwhile` outside of the lock, and goes on.
 *
 * @param {LockingStorage} storage
 * @param {() => Promise<unknown>} meanwhile
 * @param {() => Promise<unknown>} goOn
 */
async function turnBeside(storage, meanwhile, goOn = () => storage.save(counter(1))) {
  const [inside, outside] = [deferred(), deferred()]
  const turn = storage.withLock('u', async () => {
    await countOf(storage)
    inside.resolve()
    await outside.promise
    await goOn()
  })
  await inside.promise
  await meanwhile()
  outside.resolve()
  return turn
}

/** @type {Case[]} */
const cases = [
  lockCase('P13 keeps every one of many updates at once', async (storage) => {
    await Promise.all(Array.from({ length: 50 }, () => storage.update('u', (state) => void state.slots.n++)))
    assert.equal(await countOf(storage), 50)
  }),
  lockCase('P14 runs turns one after another, in the order of their calls', async (storage) => {
    /** @type {number[]} */
    const order = []
    const turns = Array.from({ length: 20 }, (_, index) =>
      storage.withLock('u', async () => {
        order.push(index)
        await addOne(storage)
      }),
    )
    await Promise.all(turns)
    assert.deepEqual(order, [...order.keys()])
    assert.equal(await countOf(storage), 20)
  }),
  lockCase('P14 lets turns of other conversations go on meanwhile', async (storage) => {
    const other = await storage.withLock('u', () => storage.withLock('v', () => 'had'))
    assert.equal(other, 'had')
  }),
  lockCase('P16 plain operations take effect at once beside a lock', async (storage) => {
    await storage.withLock('u', () => sleep(1))
    const inside = deferred()
    const held = storage.withLock('u', () => inside.promise)
    await storage.save(counter(7))
    assert.equal(await countOf(storage), 7)
    inside.resolve()
    await held
  }),
  lockCase('P13 refuses the save of a turn beside which a plain save was done', async (storage) => {
    const turn = turnBeside(storage, () => storage.save(counter(50)))
    const error = await rejectsWith(turn, CONFLICT)
    assert.equal(error.retryable, true)
    assert.equal(await countOf(storage), 50)
  }),
  lockCase('P13 brings nothing back that was deleted', async (storage) => {
    await rejectsWith(
      turnBeside(storage, () => storage.delete('u')),
      CONFLICT,
    )
    assert.equal(await storage.load('u'), null)
  }),
  lockCase('a refused save stays refused until the conversation is loaded again', async (storage) => {
    await turnBeside(
      storage,
      () => storage.save(counter(9)),
      async () => {
        await rejectsWith(storage.save(counter(1)), CONFLICT)
        await rejectsWith(storage.save(counter(1)), CONFLICT)
        const n = /** @type {number} */ (await countOf(storage))
        await storage.save(counter(n + 1))
      },
    )
    assert.equal(await countOf(storage), 10)
  }),
  lockCase('nested calls take turns', async (storage) => {
    await storage.withLock('u', async () => {
      await Promise.all(Array.from({ length: 10 }, () => storage.update('u', (state) => void state.slots.n++)))
    })
    assert.equal(await countOf(storage), 10)
  }),
  lockCase('the first load behind a nested update sees it', async (storage) => {
    await storage.withLock('u', async () => {
      await storage.update('u', (state) => void state.slots.n++)
      await addOne(storage)
    })
    assert.equal(await countOf(storage), 2)
  }),
  lockCase('a save of what was loaded before a nested update is refused', async (storage) => {
    const turn = storage.withLock('u', async () => {
      const n = /** @type {number} */ (await countOf(storage))
      await storage.update('u', (state) => {
        state.slots.n = 5
      })
      await storage.save(counter(n + 1))
    })
    await rejectsWith(turn, CONFLICT)
    assert.equal(await countOf(storage), 5)
  }),
  lockCase('waits for saves and nested calls that were not awaited inside', async (storage) => {
    await storage.withLock('u', async () => {
      void addOne(storage).catch(() => {})
      void storage.save(counter(1))
    })
    assert.equal(await countOf(storage), 1)
    await storage.withLock('u', () => {
      void storage.update('u', async (state) => {
        await sleep(20)
        state.slots.n = 3
      })
    })
    assert.equal(await countOf(storage), 3)
  }),
  lockCase('refuses a save behind the end of the function', async (storage) => {
    /** @type {Promise<unknown> | undefined} */
    let late
    await storage.withLock('u', async () => {
      await countOf(storage)
      late = sleep(20).then(() => storage.save(counter(9)))
    })
    const error = await rejectsWith(/** @type {Promise<unknown>} */ (late), CONFLICT)
    assert.match(error.message, /has ended; await everything inside it/)
    assert.equal(await countOf(storage), 0)
  }),
  lockCase('takes the lock anew for an update behind the end of the function', async (storage) => {
    /** @type {Promise<unknown> | undefined} */
    let late
    await storage.withLock('u', () => {
      late = sleep(20).then(() =>
        storage.update('u', (state) => {
          state.slots.n = 7
        }),
      )
    })
    await late
    assert.equal(await countOf(storage), 7)
  }),
  lockCase('keeps saves that are not awaited in order', async (storage) => {
    await storage.withLock('u', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, n) => storage.save(counter(n))))
    })
    assert.equal(await countOf(storage), 19)
  }),
  lockCase('frees the lock when the function throws, and rejects with its error', async (storage) => {
    const thrown = new RangeError('model')
    await assert.rejects(
      storage.withLock('u', () => {
        throw thrown
      }),
      (error) => error === thrown,
    )
    assert.equal(await storage.withLock('u', () => 'next', { wait: 0 }), 'next')
  }),
  lockCase('P15 ends the wait, and calls nothing then', async (storage) => {
    let isCalled = false
    const inside = deferred()
    const first = storage.withLock('u', () => inside.promise)
    const error = await rejectsWith(
      storage.withLock(
        'u',
        () => {
          isCalled = true
        },
        { wait: 30 },
      ),
      TIMEOUT,
    )
    assert.equal(error.operation, 'lock')
    await rejectsWith(
      storage.withLock('u', () => {}, { wait: 0 }),
      TIMEOUT,
    )
    await rejectsWith(
      storage.withLock('u', () => {}, { queue: 0 }),
      TIMEOUT,
    )
    inside.resolve()
    await first
    assert.equal(isCalled, false)
  }),
  lockCase('P15 gives up the lock of a function that does not end', async (storage) => {
    /** @type {AbortSignal | undefined} */
    let signal
    const inside = deferred()
    const turn = storage.withLock(
      'u',
      async (lock) => {
        signal = lock.signal
        await countOf(storage)
        await inside.promise
        await rejectsWith(storage.save(counter(5)), CONFLICT)
        return 'too late'
      },
      { hold: 50 },
    )
    // The timer of `hold` does not keep the process alive. It begins when the lock is there, which may take long on a busy machine.
    const alive = setInterval(() => {}, 1_000)
    const error = await rejectsWith(turn, TIMEOUT).finally(() => clearInterval(alive))
    assert.equal(error.operation, 'lock')
    assert.equal(signal?.aborted, true)
    assert.equal(await storage.withLock('u', () => 'next', { wait: 60_000 }), 'next')
    inside.resolve()
    await sleep(10)
    assert.equal(await countOf(storage), 0)
  }),
  lockCase('ends the wait by a signal, with its reason', async (storage) => {
    const controller = new AbortController()
    const first = storage.withLock('u', () => sleep(50))
    const second = storage.withLock('u', () => {}, { signal: controller.signal })
    const reason = new Error('gone')
    controller.abort(reason)
    await assert.rejects(second, (error) => error === reason)
    await assert.rejects(
      storage.withLock('u', () => {}, { signal: controller.signal }),
      (error) => error === reason,
    )
    await first
  }),
  lockCase('ends a circle of two locks by their wait', async (storage) => {
    const haveOne = deferred()
    let count = 0
    /** @param {string} one @param {string} other */
    const both = (one, other) =>
      storage.withLock(one, async () => {
        if (++count === 2) haveOne.resolve()
        await haveOne.promise
        await storage.withLock(other, () => {}, { wait: 100 })
      })
    const ends = await Promise.allSettled([both('a', 'b'), both('b', 'a')])
    const failed = ends.filter(({ status }) => status === 'rejected')
    assert.ok(failed.length === 1 || failed.length === 2)
    for (const end of failed) assert.equal(/** @type {PromiseRejectedResult} */ (end).reason.code, TIMEOUT)
  }),
]

module.exports = cases
