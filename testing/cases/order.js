'use strict'

/** @import { Case } from '../case.js' */

// P1 snapshot, P2 order, P3 fresh copies.
const assert = require('node:assert/strict')

const { allEnded, sameState, viaJson } = require('../checks.js')
const { sample } = require('../samples.js')

/** @type {Case[]} */
const cases = [
  {
    name: 'P1 saves the state as it is at the moment of the call',
    async run({ storage }) {
      const nested = { deep: 'before' }
      const list = [1, nested]
      const state = sample('p1', { slots: { list } })
      const promise = storage.save(state)
      const expected = viaJson(state)
      nested.deep = 'after'
      list.push(2)
      state.currentStep = 'changed'
      Reflect.deleteProperty(state, 'history')
      await promise
      sameState(await storage.load('p1'), expected)
    },
  },
  {
    name: 'P2 keeps the order of un-awaited operations',
    async run({ storage, rounds }) {
      const chains = 50
      const perChain = rounds / chains
      await allEnded(
        Array.from({ length: chains }, async (_, chain) => {
          const id = `p2-${chain}`
          for (let round = 0; round < perChain; round++) {
            const first = storage.save(sample(id, { currentStep: `a${round}` }))
            const second = storage.save(sample(id, { currentStep: `b${round}` }))
            const [loaded] = await Promise.all([storage.load(id), first, second])
            assert.equal(loaded?.currentStep, `b${round}`)
          }
        }),
      )
    },
  },
  {
    name: 'P2 follows a model under random interleavings of save, load and delete',
    async run({ storage, runs, fc }) {
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
          /** @type {Promise<unknown>[]} */
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
              promise = storage.load(id).then((loaded) => sameState(loaded, expected))
            }
            pending.push(promise)
            promise.catch(() => {}) // Awaited below, unless another operation fails first.
            if (awaited) await promise
          }
          await allEnded(pending)
          for (let number = 0; number < 4; number++) {
            const id = `model-${round}-${number}`
            sameState(await storage.load(id), model.get(id) ?? null)
          }
        }),
        { numRuns: runs },
      )
    },
  },
  {
    name: 'P3 returns a fresh copy at every load',
    async run({ storage }) {
      const item = { x: 1 }
      const state = sample('p3', { slots: { list: [item] } })
      await storage.save(state)
      const one = await storage.load('p3')
      const other = await storage.load('p3')
      assert.notEqual(one, other)
      assert.ok(one !== null, 'the conversation is there')
      const { list } = /** @type {{ list: [{ x: unknown }] }} */ (/** @type {unknown} */ (one.slots))
      list[0].x = 'mine'
      one.history.push({ role: 'user', content: 'mine' })
      sameState(other, state)
      sameState(await storage.load('p3'), state)
      assert.equal(item.x, 1)
    },
  },
]

module.exports = cases
