'use strict'

/** @import { Case } from '../case.js' */

// P9 distinct ids never meet, P10 corrupt is not absent.
const assert = require('node:assert/strict')

const { allEnded, rejectsWith, sameState } = require('../checks.js')
const { hostileIds, invalidIds, sample } = require('../samples.js')

/** @type {Case[]} */
const cases = [
  {
    name: 'P9 keeps hostile ids apart',
    async run({ storage }) {
      const ids = hostileIds()
      await allEnded(ids.map((id, index) => storage.save(sample(id, { slots: { index } }))))
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
    async run({ storage, runs, fc }) {
      const id = fc.oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
        fc.string({ unit: fc.constantFrom('a', 'A', '.', '/', '%', '2', 'F', ' ', ':', '\\', '\0'), minLength: 1 }),
      )
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(id, { minLength: 2, maxLength: 8 }), async (ids) => {
          await allEnded(ids.map((one) => storage.save(sample(one, { slots: { one } }))))
          for (const one of ids) assert.equal((await storage.load(one))?.slots.one, one)
          await allEnded(ids.map((one) => storage.delete(one)))
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
      // Exactly 1,024 bytes are still an id.
      for (const id of ['x'.repeat(1024), '\u{1F4AC}'.repeat(256), 'é'.repeat(512)]) {
        await context.storage.save(sample(id))
        assert.equal((await context.storage.load(id))?.conversationId, id)
        await context.storage.delete(id)
      }
    },
  },
  {
    name: 'P10 tells corrupt from absent, leaves it alone, and replaces it at the next save',
    needs: ['plant'],
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
        sameState(await storage.load(id), sample(id))
      }
      await plant('p10-deleted', '{')
      await storage.delete('p10-deleted')
      assert.equal(await storage.load('p10-deleted'), null)
    },
  },
]

module.exports = cases
