'use strict'

/** @import { Case, TestedStorage } from '../case.js' */

// P7 absence, P8 no synchronous throws, P12 subclasses and spies, and the end of an adapter.
const assert = require('node:assert/strict')
const { setTimeout: pause } = require('node:timers/promises')

const { rejection, rejectsWith } = require('../checks.js')
const { sample } = require('../samples.js')

/**
 * Returns a subclass that adds the id of each load to `calls`.
 *
 * @param {new () => TestedStorage} Class
 * @param {unknown[]} calls
 */
function subclassOf(Class, calls) {
  return class Mine extends Class {
    /** @override */
    async load(/** @type {unknown} */ id) {
      calls.push(id)
      return super.load(id)
    }
  }
}

/** @type {Case[]} */
const cases = [
  {
    name: 'P7 returns null and undefined where it should',
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
      /** @type {unknown[]} */
      const noIds = [undefined, null, 5, true, {}, [], Symbol('id'), () => 'id', 7n, new String('id'), new Date()]
      await rejectsWith(context, storage.load(), 'ERR_STORAGE_INVALID_ID')
      await rejectsWith(context, storage.delete(), 'ERR_STORAGE_INVALID_ID')
      await rejectsWith(context, storage.save(), 'ERR_STORAGE_INVALID_STATE')
      for (const value of noIds) {
        await rejectsWith(context, storage.load(value), 'ERR_STORAGE_INVALID_ID')
        await rejectsWith(context, storage.delete(value), 'ERR_STORAGE_INVALID_ID')
        await rejectsWith(context, storage.save(value), 'ERR_STORAGE_INVALID_STATE')
        await rejectsWith(
          context,
          storage.save({ ...sample('p8'), conversationId: value }),
          'ERR_STORAGE_INVALID_STATE',
        )
      }
    },
  },
  {
    name: 'P12 can be subclassed and spied on',
    async run({ storage }) {
      const Class = /** @type {new () => TestedStorage} */ (storage.constructor)
      // An object without a class of its own cannot be subclassed.
      if (Object.getPrototypeOf(storage) === null || Object.hasOwn(Class.prototype, 'isPrototypeOf')) return
      assert.ok(storage instanceof Class)
      for (const method of ['load', 'save', 'delete']) {
        assert.equal(typeof Class.prototype[method], 'function', 'methods live on the prototype')
        assert.ok(!Object.hasOwn(storage, method))
      }
      /** @type {unknown[]} */
      const calls = []
      const Mine = subclassOf(Class, calls)
      const mine = Object.setPrototypeOf(storage, Mine.prototype)
      assert.ok(mine instanceof Mine && mine instanceof Class)
      await mine.save(sample('p12'))
      assert.equal((await mine.load('p12'))?.conversationId, 'p12')
      assert.deepEqual(calls, ['p12'])
      // As a wrapper that traces does.
      const wrapped = new Proxy(mine, {})
      assert.equal((await wrapped.load('p12'))?.conversationId, 'p12')
    },
  },
  {
    name: 'close waits, can be repeated, and ends everything',
    needs: ['close'],
    async run(context) {
      const storage = await context.create()
      assert.ok(typeof storage.close === 'function', 'has close(); an adapter without it passes `close: false`')
      const pending = Array.from({ length: 20 }, (_, index) => storage.save(sample(`close-${index}`)))
      const closing = storage.close()
      for (const operation of [storage.load('close-1'), storage.save(sample('close-1')), storage.delete('close-1')]) {
        await rejectsWith(context, operation, 'ERR_STORAGE_CLOSED')
      }
      assert.equal(await closing, undefined)
      await Promise.all(pending)
      await storage.close()
      await rejectsWith(context, storage.load('close-1'), 'ERR_STORAGE_CLOSED')
      const other = await context.create()
      // Custom adapters may lack it. Ours have it if the language does.
      if (Symbol.asyncDispose && (context.codes || Symbol.asyncDispose in other)) {
        assert.ok(typeof other[Symbol.asyncDispose] === 'function', 'has [Symbol.asyncDispose]()')
        await other[Symbol.asyncDispose]?.()
      }
    },
  },
  {
    name: 'errors point at the line of the caller',
    needs: ['plant', 'codes'],
    async run(context) {
      await context.plant('stack', '{')
      async function theCaller() {
        await context.storage.load('stack')
      }
      // Under load no stack is captured at the call; the line that awaits has to do.
      const load = Array.from({ length: 500 }, () => context.storage.load('absent'))
      const error = await rejection(theCaller())
      assert.match(String(error.stack), /^StorageError: .*\n[\s\S]*theCaller/)
      await Promise.all(load)
      await pause(150)
      /** @type {Error} */
      const floating = await new Promise((resolve) => {
        function theOtherCaller() {
          context.storage.load('stack').catch(resolve)
        }
        theOtherCaller()
      })
      assert.match(String(floating.stack), /theOtherCaller/)
    },
  },
]

module.exports = cases
