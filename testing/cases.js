'use strict'

/**
 * What every storage adapter promises, as test cases that know no test runner: P1 to P4, P7 to P10 and P12 of the
 * contract. (P5, P6 and P11 need processes of their own.)
 */
const assert = require('node:assert/strict')
const fc = require('fast-check')

const { hostileIds, invalidIds, sample, states } = require('./samples.js')

/** What a loaded state must equal: fidelity is defined by V8's own JSON. */
const viaJson = (state) => JSON.parse(JSON.stringify(state))

async function rejection(promise) {
  assert.ok(promise instanceof Promise, 'a promise is returned, whatever the arguments')
  const outcome = await promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
  assert.ok('error' in outcome, `expected a rejection, got ${JSON.stringify(outcome.value)}`)
  assert.ok(outcome.error instanceof Error, 'rejects with an Error')
  return outcome.error
}

/** Fails unless the promise rejects, with this code where the adapter has codes. */
async function rejectsWith(context, promise, code) {
  const error = await rejection(promise)
  if (!context.codes) return error
  assert.equal(error.code, code, error.message)
  assert.equal(error.name, 'StorageError')
  return error
}

const CASES = [
  {
    name: 'P1 saves the state as it is at the moment of the call',
    async run({ storage }) {
      const state = sample('p1', { slots: { list: [1, { deep: 'before' }] } })
      const promise = storage.save(state)
      const expected = viaJson(state)
      state.slots.list[1].deep = 'after'
      state.slots.list.push('more')
      state.currentStep = 'changed'
      delete state.history
      await promise
      assert.deepEqual(await storage.load('p1'), expected)
    },
  },
  {
    name: 'P2 keeps the order of un-awaited operations, 10,000 times',
    async run({ storage, rounds }) {
      const chains = 50
      const perChain = rounds / chains
      await Promise.all(
        Array.from({ length: chains }, async (_, chain) => {
          const id = `p2-${chain}`
          for (let round = 0; round < perChain; round++) {
            const first = storage.save(sample(id, { currentStep: `a${round}` }))
            const second = storage.save(sample(id, { currentStep: `b${round}` }))
            const loaded = await storage.load(id)
            assert.equal(loaded.currentStep, `b${round}`)
            await Promise.all([first, second])
          }
        }),
      )
    },
  },
  {
    name: 'P2 follows a model under random interleavings of save, load and delete',
    async run({ storage, runs }) {
      let serial = 0
      const operation = fc.record({
        kind: fc.constantFrom('save', 'save', 'load', 'load', 'delete'),
        id: fc.integer({ min: 0, max: 3 }),
        awaited: fc.boolean(),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 40 }), async (operations) => {
          const round = serial++
          const model = new Map()
          const pending = []
          for (const { kind, id: number, awaited } of operations) {
            const id = `model-${round}-${number}`
            let promise
            if (kind === 'save') {
              const state = sample(id, { slots: { serial: serial++ } })
              model.set(id, viaJson(state))
              promise = storage.save(state).then((value) => assert.equal(value, undefined))
            } else if (kind === 'delete') {
              model.delete(id)
              promise = storage.delete(id).then((value) => assert.equal(value, undefined))
            } else {
              const expected = model.get(id) ?? null
              promise = storage.load(id).then((loaded) => assert.deepEqual(loaded, expected))
            }
            pending.push(promise)
            if (awaited) await promise
          }
          await Promise.all(pending)
          for (let number = 0; number < 4; number++) {
            const id = `model-${round}-${number}`
            assert.deepEqual(await storage.load(id), model.get(id) ?? null)
          }
        }),
        { numRuns: runs },
      )
    },
  },
  {
    name: 'P3 answers a fresh copy at every load',
    async run({ storage }) {
      const state = sample('p3', { slots: { list: [{ x: 1 }] } })
      await storage.save(state)
      const one = await storage.load('p3')
      const other = await storage.load('p3')
      assert.notEqual(one, other)
      one.slots.list[0].x = 'mine'
      one.history.push({ role: 'user', content: 'mine' })
      assert.deepEqual(other, viaJson(state))
      assert.deepEqual(await storage.load('p3'), viaJson(state))
      assert.equal(state.slots.list[0].x, 1)
    },
  },
  {
    name: 'P4 keeps whatever JSON keeps',
    async run({ storage, keyOrder }) {
      for (const [index, extra] of states().entries()) {
        const state = { ...sample(`p4-${index}`), ...extra }
        await storage.save(state)
        const loaded = await storage.load(`p4-${index}`)
        assert.deepEqual(loaded, viaJson(state))
        // Key order too, which deepEqual does not see.
        if (keyOrder) assert.equal(JSON.stringify(loaded), JSON.stringify(state))
      }
    },
  },
  {
    name: 'P4 keeps arbitrary states (property)',
    async run({ storage, runs }) {
      let serial = 0
      await fc.assert(
        fc.asyncProperty(
          fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 })),
          fc.array(fc.record({ role: fc.constantFrom('user', 'assistant'), content: fc.string({ unit: 'binary' }) })),
          async (slots, history) => {
            const state = sample(`p4-property-${serial++}`, { slots, history })
            await storage.save(state)
            assert.deepEqual(await storage.load(state.conversationId), viaJson(state))
          },
        ),
        { numRuns: runs },
      )
    },
  },
  {
    name: 'P4 keeps a state nested 10,000 deep',
    async run({ storage }) {
      let nested = 0
      for (let depth = 0; depth < 10_000; depth++) nested = [nested]
      let text
      try {
        text = JSON.stringify(nested)
      } catch {
        return // V8 itself cannot, on this stack.
      }
      await storage.save(sample('p4-deep', { slots: { nested } }))
      assert.equal(JSON.stringify((await storage.load('p4-deep')).slots.nested), text)
    },
  },
  {
    name: 'P4 keeps a state of 64 MiB',
    async run({ storage, largestState }) {
      const content = 'x\u00e9\n'.repeat(Math.floor(largestState / 4))
      await storage.save(sample('p4-large', { history: [{ role: 'user', content }] }))
      const loaded = await storage.load('p4-large')
      assert.ok(loaded.history[0].content === content, 'the text is the same')
    },
  },
  {
    name: 'P4 refuses what JSON cannot hold, with the cause',
    async run(context) {
      const { storage } = context
      const cyclic = sample('p4-bad')
      cyclic.slots.self = cyclic
      const throwing = sample('p4-bad')
      Object.defineProperty(throwing.slots, 'x', {
        enumerable: true,
        get() {
          throw new RangeError('mine')
        },
      })
      const bad = [
        [cyclic, TypeError],
        [sample('p4-bad', { slots: { big: 1n } }), TypeError],
        [throwing, RangeError],
      ]
      for (const [state, Cause] of bad) {
        const error = await rejectsWith(context, storage.save(state), 'ERR_STORAGE_INVALID_STATE')
        if (context.codes) assert.ok(error.cause instanceof Cause)
      }
      assert.equal(await storage.load('p4-bad'), null)
    },
  },
  {
    name: 'P4 refuses a state whose JSON does not hold its conversationId',
    async run(context) {
      if (!context.codes) return
      class Lazy {
        get conversationId() {
          return 'p4-lazy'
        }
      }
      const renamed = { ...sample('p4-lazy'), toJSON: () => sample('another') }
      for (const state of [new Lazy(), renamed, Object.create(sample('p4-lazy'))]) {
        await rejectsWith(context, context.storage.save(state), 'ERR_STORAGE_INVALID_STATE')
      }
      const faithful = { toJSON: () => sample('p4-lazy', { currentStep: 'own' }), conversationId: 'p4-lazy' }
      await context.storage.save(faithful)
      assert.equal((await context.storage.load('p4-lazy')).currentStep, 'own')
    },
  },
  {
    name: 'P7 answers null and undefined where it should',
    async run({ storage }) {
      assert.equal(await storage.load('p7-unknown'), null)
      assert.equal(await storage.delete('p7-unknown'), undefined)
      assert.equal(await storage.save(sample('p7')), undefined)
      assert.equal(await storage.delete('p7'), undefined)
      assert.equal(await storage.load('p7'), null)
      assert.equal(await storage.delete('p7'), undefined)
    },
  },
  {
    name: 'P8 always returns a promise and never throws synchronously',
    async run(context) {
      const { storage } = context
      const noIds = [undefined, null, 5, true, {}, [], Symbol('id'), () => 'id', 7n, new String('id'), new Date()]
      await rejectsWith(context, storage.load(), 'ERR_STORAGE_INVALID_ID')
      await rejectsWith(context, storage.delete(), 'ERR_STORAGE_INVALID_ID')
      await rejectsWith(context, storage.save(), 'ERR_STORAGE_INVALID_STATE')
      for (const value of noIds) {
        await rejectsWith(context, storage.load(value), 'ERR_STORAGE_INVALID_ID')
        await rejectsWith(context, storage.delete(value), 'ERR_STORAGE_INVALID_ID')
        await rejectsWith(context, storage.save(value), 'ERR_STORAGE_INVALID_STATE')
        await rejectsWith(context, storage.save(sample(value)), 'ERR_STORAGE_INVALID_STATE')
      }
    },
  },
  {
    name: 'P9 keeps hostile ids apart',
    async run({ storage }) {
      const ids = hostileIds()
      await Promise.all(ids.map((id, index) => storage.save(sample(id, { slots: { index } }))))
      for (const [index, id] of ids.entries()) {
        const loaded = await storage.load(id)
        assert.equal(loaded?.conversationId, id, `the state of ${JSON.stringify(id)} is its own`)
        assert.equal(loaded.slots.index, index)
      }
      for (const [index, id] of ids.entries()) {
        await storage.delete(id)
        assert.equal(await storage.load(id), null)
        const next = ids[index + 1]
        if (next !== undefined) assert.equal((await storage.load(next))?.conversationId, next)
      }
    },
  },
  {
    name: 'P9 keeps arbitrary ids apart (property)',
    async run({ storage, runs }) {
      const id = fc.oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
        fc.string({ unit: fc.constantFrom('a', 'A', '.', '/', '%', '2', 'F', ' ', ':', '\\', '\0'), minLength: 1 }),
      )
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(id, { minLength: 2, maxLength: 8 }), async (ids) => {
          await Promise.all(ids.map((one) => storage.save(sample(one, { slots: { one } }))))
          for (const one of ids) assert.equal((await storage.load(one)).slots.one, one)
          await Promise.all(ids.map((one) => storage.delete(one)))
          for (const one of ids) assert.equal(await storage.load(one), null)
        }),
        { numRuns: runs },
      )
    },
  },
  {
    name: 'P9 refuses what is no id',
    async run(context) {
      for (const id of invalidIds()) {
        await rejectsWith(context, context.storage.load(id), 'ERR_STORAGE_INVALID_ID')
        await rejectsWith(context, context.storage.delete(id), 'ERR_STORAGE_INVALID_ID')
        await rejectsWith(context, context.storage.save(sample(id)), 'ERR_STORAGE_INVALID_ID')
      }
      // Exactly 1,024 bytes is still one.
      for (const id of ['x'.repeat(1024), '\u{1F4AC}'.repeat(256), 'é'.repeat(512)]) {
        await context.storage.save(sample(id))
        assert.equal((await context.storage.load(id)).conversationId, id)
        await context.storage.delete(id)
      }
    },
  },
  {
    name: 'P10 tells corrupt from absent, leaves it alone, and replaces it at the next save',
    needs: 'plant',
    async run(context) {
      const { storage, plant } = context
      const foreign = [
        '',
        '{',
        'null',
        '[]',
        '"text"',
        '{}',
        `{"conversationId":"another"}`,
        JSON.stringify(sample('p10-x')).slice(0, -1),
      ]
      for (const [index, text] of foreign.entries()) {
        const id = `p10-${index}`
        await plant(id, text)
        for (let time = 0; time < 2; time++) {
          const error = await rejectsWith(context, storage.load(id), 'ERR_STORAGE_CORRUPT')
          if (context.codes) {
            assert.equal(error.conversationId, id)
            assert.ok(error.message.includes(id), error.message)
            assert.equal(error.retryable, false)
          }
        }
        await storage.save(sample(id))
        assert.deepEqual(await storage.load(id), viaJson(sample(id)))
      }
      await plant('p10-deleted', '{')
      await storage.delete('p10-deleted')
      assert.equal(await storage.load('p10-deleted'), null)
    },
  },
  {
    name: 'P12 can be subclassed and spied on',
    async run({ storage }) {
      const Class = storage.constructor
      assert.ok(storage instanceof Class)
      for (const method of ['load', 'save', 'delete']) {
        assert.equal(typeof Class.prototype[method], 'function', 'methods live on the prototype')
        assert.ok(!Object.hasOwn(storage, method))
      }
      const calls = []
      class Mine extends Class {
        async load(id) {
          calls.push(id)
          return super.load(id)
        }
      }
      const mine = Object.setPrototypeOf(storage, Mine.prototype)
      assert.ok(mine instanceof Mine && mine instanceof Class)
      await mine.save(sample('p12'))
      assert.equal((await mine.load('p12')).conversationId, 'p12')
      assert.deepEqual(calls, ['p12'])
      // A tracing wrapper.
      const wrapped = new Proxy(mine, {})
      assert.equal((await wrapped.load('p12')).conversationId, 'p12')
    },
  },
  {
    name: 'close waits, can be repeated, and ends everything',
    needs: 'close',
    async run(context) {
      const storage = await context.create()
      const pending = Array.from({ length: 20 }, (_, index) => storage.save(sample(`close-${index}`)))
      const closing = storage.close()
      for (const operation of [storage.load('close-1'), storage.save(sample('close-1')), storage.delete('close-1')]) {
        await rejectsWith(context, operation, 'ERR_STORAGE_CLOSED')
      }
      assert.equal(await closing, undefined)
      await Promise.all(pending)
      await storage.close()
      await rejectsWith(context, storage.load('close-1'), 'ERR_STORAGE_CLOSED')
      if (Symbol.asyncDispose) await (await context.create())[Symbol.asyncDispose]()
    },
  },
  {
    name: 'errors point at the line of the caller',
    needs: 'plant',
    async run(context) {
      if (!context.codes) return
      await context.plant('stack', '{')
      async function theCaller() {
        await context.storage.load('stack')
      }
      const error = await rejection(theCaller())
      assert.match(error.stack, /^StorageError: .*\n[\s\S]*theCaller/)
      const floating = await new Promise((resolve) => {
        function theOtherCaller() {
          context.storage.load('stack').catch(resolve)
        }
        theOtherCaller()
      })
      assert.match(floating.stack, /theOtherCaller/)
    },
  },
]

module.exports = { CASES }
