'use strict'

const { Call } = require('./errors.js')
const { checkId, parse, stringify } = require('./state.js')

/** What an adapter keeps of itself. Under a symbol and not as private fields, which a Proxy around it could not reach. */
const INTERNAL = Symbol('flowkit-storage')

/**
 * The path of an operation, once, for all adapters. Every method is async, so that nothing is ever thrown
 * synchronously, but everything up to the first `await` happens within the call: the state is read, and the operation
 * has its place in the order, before the promise is returned.
 */
class Adapter {
  /**
   * @param {object} internal
   * @param {'memory' | 'file' | 'redis' | 'sqlite'} internal.adapter
   * @param {object} internal.handle has `save(id, text)`, `load(id)`, `delete(id)`, `close()`; each answers a value or
   *   a promise, which is rejected with a `Failure`, and a load may answer either; and `place(id)`, which names the place
   *   in error messages
   * @param {() => void} [internal.submitted] called after each operation; absent where the handle answers at once
   * @param {boolean} [internal.pretty]
   */
  constructor(internal) {
    internal.closing = undefined
    Object.defineProperty(this, INTERNAL, { value: internal })
  }

  async load(conversationId) {
    const internal = this[INTERNAL]
    const call = begin(internal, 'load', Adapter.prototype.load)
    checkId(call, conversationId)
    let text
    try {
      text = internal.handle.load(conversationId)
      // Where it is here already, a microtask more would be the larger part of a short read.
      if (internal.submitted && typeof text === 'object') text = await submitted(internal, text)
    } catch (failure) {
      throw call.failure(failure)
    }
    return text === undefined ? null : parse(call, text, internal.handle)
  }

  async save(state) {
    const internal = this[INTERNAL]
    const call = begin(internal, 'save', Adapter.prototype.save)
    const text = stringify(call, state, internal.pretty)
    try {
      const done = internal.handle.save(call.conversationId, text)
      if (internal.submitted) await submitted(internal, done)
    } catch (failure) {
      throw call.failure(failure)
    }
  }

  async delete(conversationId) {
    const internal = this[INTERNAL]
    const call = begin(internal, 'delete', Adapter.prototype.delete)
    checkId(call, conversationId)
    try {
      const done = internal.handle.delete(conversationId)
      if (internal.submitted) await submitted(internal, done)
    } catch (failure) {
      throw call.failure(failure)
    }
  }

  async close() {
    const internal = this[INTERNAL]
    if (internal.closing === undefined) {
      const call = begin(internal, 'close', Adapter.prototype.close)
      const done = internal.handle.close()
      internal.closing = internal.submitted ? submitted(internal, done) : Promise.resolve()
      internal.closeCall = call
    }
    try {
      await internal.closing
    } catch (failure) {
      throw internal.closeCall.failure(failure)
    }
  }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(Adapter.prototype, Symbol.asyncDispose, {
    value: function asyncDispose() {
      return this.close()
    },
    configurable: true,
    writable: true,
  })
}

/** Starts an operation. Throws if the adapter is closed. */
function begin(internal, operation, method) {
  const call = new Call(internal.adapter, operation, method, internal.submitted !== undefined)
  if (internal.closing !== undefined) throw call.error('ERR_STORAGE_CLOSED', 'the storage is closed')
  return call
}

/** An operation was put on the hand-over list: sees to it that the list is handed over. */
function submitted(internal, promise) {
  internal.submitted()
  return promise
}

module.exports = { Adapter, INTERNAL }
