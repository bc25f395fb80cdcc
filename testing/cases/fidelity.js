'use strict'

/** @import { Case } from '../case.js' */

// P4: a loaded state equals what JSON makes of the saved one.
const assert = require('node:assert/strict')

const { rejectsWith, sameState } = require('../checks.js')
const { sample, states } = require('../samples.js')

/** @type {Case[]} */
const cases = [
  {
    name: 'P4 keeps whatever JSON keeps',
    async run({ storage, keyOrder }) {
      for (const [index, extra] of states().entries()) {
        const state = { ...sample(`p4-${index}`), ...extra }
        await storage.save(state)
        const loaded = await storage.load(`p4-${index}`)
        sameState(loaded, state)
        // `deepEqual` does not compare the order of keys.
        if (keyOrder) assert.equal(JSON.stringify(loaded), JSON.stringify(state))
      }
    },
  },
  {
    name: 'P4 keeps arbitrary states (property)',
    async run({ storage, runs, fc }) {
      let serial = 0
      await fc.assert(
        fc.asyncProperty(
          fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 })),
          fc.array(fc.record({ role: fc.constantFrom('user', 'assistant'), content: fc.string({ unit: 'binary' }) })),
          async (slots, history) => {
            const state = sample(`p4-property-${serial++}`, { slots, history })
            await storage.save(state)
            sameState(await storage.load(state.conversationId), state)
          },
        ),
        { numRuns: runs },
      )
    },
  },
  {
    // A buffer for the text whose size is a guess is too small for one of these.
    name: 'P4 keeps text in scripts of one to four bytes a character, at every length',
    async run({ storage }) {
      for (const character of ['x', '\u00e9', '\u4e16', '\u{1F4AC}']) {
        for (let length = 0; length <= 64; length++) {
          const content = character.repeat(length === 64 ? 5000 : length)
          await storage.save(sample('p4-length', { slots: {}, history: [{ role: 'user', content }] }))
          assert.equal((await storage.load('p4-length'))?.history[0]?.content, content)
        }
      }
    },
  },
  {
    name: 'P4 keeps what JSON.rawJSON lets through',
    async run({ storage }) {
      const { rawJSON } = /** @type {typeof JSON & { rawJSON?: (text: string) => object }} */ (JSON)
      // Node.js has it from 22 on.
      if (typeof rawJSON !== 'function') return
      // A lone surrogate, which `JSON.stringify` itself would escape.
      await storage.save(sample('p4-raw', { slots: { lone: rawJSON('"\ud800"') } }))
      sameState(await storage.load('p4-raw'), sample('p4-raw', { slots: { lone: '\ud800' } }))
    },
  },
  {
    name: 'P4 keeps a state nested 10,000 deep',
    async run({ storage }) {
      /** @type {unknown} */
      let nested = 0
      for (let depth = 0; depth < 10_000; depth++) nested = [nested]
      let text
      try {
        text = JSON.stringify(nested)
      } catch {
        return // V8 itself fails, on this stack.
      }
      await storage.save(sample('p4-deep', { slots: { nested } }))
      assert.equal(JSON.stringify((await storage.load('p4-deep'))?.slots.nested), text)
    },
  },
  {
    name: 'P4 keeps a large state',
    async run({ storage, largestState }) {
      const content = 'x\u00e9\n'.repeat(Math.floor(largestState / 4))
      await storage.save(sample('p4-large', { history: [{ role: 'user', content }] }))
      const loaded = await storage.load('p4-large')
      assert.ok(loaded?.history[0]?.content === content, 'the text is the same')
    },
  },
  {
    name: 'P4 refuses what JSON cannot hold, with the cause',
    async run(context) {
      const { storage } = context
      const cyclic = sample('p4-bad')
      Object.assign(cyclic.slots, { self: cyclic })
      const throwing = sample('p4-bad')
      Object.defineProperty(throwing.slots, 'x', {
        enumerable: true,
        get() {
          throw new RangeError('mine')
        },
      })
      /** @type {[state: object, cause: string][]} */
      const bad = [
        [cyclic, 'TypeError'],
        [sample('p4-bad', { slots: { big: 1n } }), 'TypeError'],
        [throwing, 'RangeError'],
      ]
      for (const [state, name] of bad) {
        const error = await rejectsWith(context, storage.save(state), 'ERR_STORAGE_INVALID_STATE')
        if (context.codes) assert.equal(/** @type {Error | undefined} */ (error.cause)?.name, name)
      }
      assert.equal(await storage.load('p4-bad'), null)
    },
  },
  {
    name: 'P4 refuses a state whose JSON does not hold its conversationId',
    needs: ['codes'],
    async run(context) {
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
      assert.equal((await context.storage.load('p4-lazy'))?.currentStep, 'own')
    },
  },
]

module.exports = cases
