'use strict'

/** @import { Handle, Operation, Result } from './handle.js' */

const { Call } = require('./errors.js')
const { checkId, parse, stringify } = require('./state.js')

/** The key of what an adapter keeps of itself. A symbol, since a Proxy around the adapter could not reach private fields. */
const INTERNAL = Symbol('flowkit-storage')

/**
 * @typedef {object} Internal
 * @property {'memory' | 'file' | 'redis' | 'sqlite'} adapter
 * @property {Handle} handle
 * @property {boolean} pretty whether states are written indented
 * @property {number} ttl seconds until a saved state expires; 0 for never
 * @property {Promise<void> | undefined} closing
 */

/**
 * @typedef {object} Kind
 * @property {string} name the public method
 * @property {string} [verb] what it does, as messages say it; by default the name
 * @property {(call: Call, argument: unknown, internal: Internal) => Operation} prepare checks the argument
 * @property {(call: Call, result: Result, handle: Handle) => unknown} finish makes what the method resolves to
 */

function nothing() {}

/** What each operation takes and returns. The path between is the same for all. @satisfies {{ [name: string]: Kind }} */
const KINDS = {
  load: {
    name: 'load',
    prepare: (call, id) => ({ kind: 'load', id: checkId(call, id) }),
    finish: (call, text, handle) => (typeof text === 'string' ? parse(call, text, handle) : null),
  },
  save: {
    name: 'save',
    prepare(call, state, { pretty, ttl }) {
      const text = stringify(call, state, pretty)
      return { kind: 'save', id: /** @type {string} */ (call.conversationId), text, ttl }
    },
    finish: nothing,
  },
  has: {
    name: 'has',
    verb: 'look for',
    prepare: (call, id) => ({ kind: 'has', id: checkId(call, id) }),
    finish: (_call, isThere) => isThere,
  },
  delete: {
    name: 'delete',
    prepare: (call, id) => ({ kind: 'delete', id: checkId(call, id) }),
    finish: nothing,
  },
}

/**
 * What all adapters are. A method throws nothing: everything goes through `perform`, which is async. But it does all up to
 * the first `await` within the call: it reads the state and takes the operation's place in the order before it returns.
 */
class Adapter {
  /** @param {{ adapter: Internal['adapter'], handle: Handle, pretty?: boolean, ttl?: number }} internal */
  constructor(internal) {
    // Without a prototype and with every default: what is left out must not come from a polluted `Object.prototype`.
    const value = { __proto__: null, pretty: false, ttl: 0, ...internal, closing: undefined }
    Object.defineProperty(this, INTERNAL, { value })
  }

  /** @param {string} conversationId */
  load(conversationId) {
    return perform(this, KINDS.load, Adapter.prototype.load, conversationId)
  }

  /** @param {object} state */
  save(state) {
    return perform(this, KINDS.save, Adapter.prototype.save, state)
  }

  /** @param {string} conversationId */
  has(conversationId) {
    return perform(this, KINDS.has, Adapter.prototype.has, conversationId)
  }

  /** @param {string} conversationId */
  delete(conversationId) {
    return perform(this, KINDS.delete, Adapter.prototype.delete, conversationId)
  }

  async close() {
    const internal = internalOf(this)
    internal.closing ??= close(internal, new Call(internal.adapter, 'close', Adapter.prototype.close, true))
    return internal.closing
  }

  get mode() {
    return internalOf(this).handle.mode
  }

  get modeReason() {
    return internalOf(this).handle.modeReason
  }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(Adapter.prototype, Symbol.asyncDispose, {
    /** @this {Adapter} */
    value: function asyncDispose() {
      return this.close()
    },
    configurable: true,
    writable: true,
  })
}

/**
 * @param {Adapter} adapter
 * @returns {Internal}
 */
function internalOf(adapter) {
  return /** @type {any} */ (adapter)[INTERNAL]
}

/**
 * Does one operation, from the argument of the public method to what its promise resolves to.
 *
 * @param {Adapter} adapter
 * @param {Kind} kind
 * @param {Function} method the public method: a stack begins below it
 * @param {unknown} argument
 */
async function perform(adapter, kind, method, argument) {
  const internal = internalOf(adapter)
  const { handle } = internal
  const call = new Call(internal.adapter, kind.name, method, !handle.isImmediate, kind.verb)
  if (internal.closing !== undefined) throw call.error('ERR_STORAGE_CLOSED', 'the storage is closed')
  const operation = kind.prepare(call, argument, internal)
  let result
  try {
    result = handle.run(operation)
    // A result that is here already needs no `await`: a microtask more would be the larger part of a short read.
    if (typeof result === 'object') {
      // The method is no longer on the stack then; V8 finds the caller behind this function.
      call.method = perform
      result = await result
    }
  } catch (failure) {
    throw call.failure(failure)
  }
  return kind.finish(call, result, handle)
}

/**
 * @param {Internal} internal
 * @param {Call} call
 */
async function close({ handle }, call) {
  try {
    await handle.close()
  } catch (failure) {
    call.method = close
    throw call.failure(failure)
  }
}

module.exports = { Adapter }
