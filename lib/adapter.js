'use strict'

/** @import { Internal } from './perform.js' */

const { Call } = require('./errors.js')
const { readClearOptions, readCountOptions, readListOptions, readPurgeOptions } = require('./list-options.js')
const { Listing, total } = require('./listing.js')
const { Locks } = require('./locks/locks.js')
const { UPDATE_CHECKS, readLockOptions } = require('./locks/options.js')
const { update } = require('./locks/update.js')
const { KINDS } = require('./operations.js')
const { INTERNAL, internalOf, perform, refuseIfClosed } = require('./perform.js')
const { checkId } = require('./state.js')

/**
 * The base of all adapters. A method throws nothing: everything goes through `perform`, which is async. But it does all up to
 * the first `await` within the call: it reads the state and takes the operation's place in the order before it returns.
 */
class Adapter {
  /** @param {Pick<Internal, 'adapter' | 'handle' | 'monitor'> & Partial<Pick<Internal, 'pretty' | 'ttl' | 'refreshOnLoad' | 'snapshots'>>} internal */
  constructor(internal) {
    // Without a prototype and with every default: what is left out must not come from a polluted `Object.prototype`.
    const value = {
      __proto__: null,
      pretty: false,
      ttl: 0,
      refreshOnLoad: false,
      snapshots: undefined,
      ...internal,
      closing: undefined,
      locks: undefined,
    }
    internal.monitor.origin = internal.handle.origin
    Object.defineProperty(this, INTERNAL, { value })
  }

  /** @param {string} conversationId */
  load(conversationId) {
    return perform(this, KINDS.load, Adapter.prototype.load, conversationId)
  }

  /**
   * @param {object} state
   * @param {unknown} [options]
   */
  save(state, options) {
    return perform(this, KINDS.save, Adapter.prototype.save, state, options)
  }

  /** @param {string} conversationId */
  loadEntry(conversationId) {
    return perform(this, KINDS.loadEntry, Adapter.prototype.loadEntry, conversationId)
  }

  /** @param {string} conversationId */
  has(conversationId) {
    return perform(this, KINDS.has, Adapter.prototype.has, conversationId)
  }

  /** @param {string} conversationId */
  touch(conversationId) {
    return perform(this, KINDS.touch, Adapter.prototype.touch, conversationId)
  }

  /**
   * @param {string} conversationId
   * @param {unknown} [options]
   */
  delete(conversationId, options) {
    return perform(this, KINDS.delete, Adapter.prototype.delete, conversationId, options)
  }

  /**
   * @param {string} conversationId
   * @param {(lock: any) => any} fn
   * @param {unknown} [options]
   */
  async withLock(conversationId, fn, options) {
    const call = beginLocked(this, 'lock', Adapter.prototype.withLock, conversationId, fn)
    return locksOf(this).withLock(call, conversationId, fn, readLockOptions(call, 'withLock()', options))
  }

  /**
   * @param {string} conversationId
   * @param {(state: any) => any} fn
   * @param {unknown} [options]
   */
  async update(conversationId, fn, options) {
    const call = beginLocked(this, 'update', Adapter.prototype.update, conversationId, fn)
    const settings = { ...readLockOptions(call, 'update()', options, UPDATE_CHECKS), onlyChanges: true }
    const locks = locksOf(this)
    return update(
      /** @type {any} */ (this),
      (once) => locks.withLock(call, conversationId, once, settings),
      call,
      fn,
      settings,
    )
  }

  /** @param {unknown} [options] */
  list(options) {
    const source = look(this, 'list', Adapter.prototype.list)
    return new Listing(() => {
      source.check()
      return { source, ...readListOptions(source.call, options) }
    })
  }

  /** @param {unknown} [options] */
  async count(options) {
    const source = look(this, 'count', Adapter.prototype.count)
    source.check()
    return (await total(source, 'count', readCountOptions(source.call, options))).matched
  }

  /** @param {unknown} options */
  async clear(options) {
    const source = look(this, 'clear', Adapter.prototype.clear)
    source.check()
    const search = readClearOptions(source.call, options)
    try {
      return (await total(source, 'remove', search)).matched
    } finally {
      internalOf(this).snapshots?.clear()
    }
  }

  /** @param {unknown} options */
  async purge(options) {
    const source = look(this, 'purge', Adapter.prototype.purge)
    source.check()
    const { search, dryRun } = readPurgeOptions(source.call, options)
    try {
      const { matched, kept, unknown } = await total(source, dryRun ? 'dryRun' : 'remove', search)
      return { removed: matched, kept, unknown }
    } finally {
      // Which conversations were removed is not known here.
      if (!dryRun) internalOf(this).snapshots?.clear()
    }
  }

  async close() {
    const internal = internalOf(this)
    internal.closing ??= close(internal, new Call(internal.adapter, 'close', Adapter.prototype.close, true))
    return internal.closing
  }

  stats() {
    const { monitor, handle, snapshots } = internalOf(this)
    return monitor.stats(handle, snapshots)
  }

  get mode() {
    return internalOf(this).handle.mode
  }

  get modeReason() {
    return internalOf(this).handle.modeReason
  }

  get capabilities() {
    const { canLock, canList } = internalOf(this).handle
    return { lock: canLock === true, list: canList === true }
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
 * Checks the arguments of a call that takes a lock.
 *
 * @param {Adapter} adapter
 * @param {'lock' | 'update'} operation
 * @param {Function} method the public method
 * @param {unknown} id
 * @param {unknown} fn
 */
function beginLocked(adapter, operation, method, id, fn) {
  const internal = internalOf(adapter)
  const call = new Call(internal.adapter, operation, method, true)
  refuseIfClosed(internal, call)
  checkId(call, id)
  if (typeof fn !== 'function') {
    throw call.error('ERR_STORAGE_INVALID_OPTIONS', 'the second argument must be a function')
  }
  return call
}

/**
 * Begins a look through the conversations.
 *
 * @param {Adapter} adapter
 * @param {import('./listing.js').Source['operation']} operation
 * @param {Function} method the public method
 * @returns {import('./listing.js').Source}
 */
function look(adapter, operation, method) {
  const internal = internalOf(adapter)
  const { handle, ttl } = internal
  const call = new Call(internal.adapter, operation, method, true)
  return { handle, ttl, call, operation, check: () => refuseIfClosed(internal, call) }
}

/** @param {Adapter} adapter */
function locksOf(adapter) {
  const internal = internalOf(adapter)
  internal.locks ??= new Locks(internal.handle, internal.ttl, internal.monitor, (id) => {
    const call = new Call(internal.adapter, 'lock', locksOf, false)
    call.conversationId = id
    return call.error('ERR_STORAGE_CONFLICT', 'the lock was lost to another process')
  })
  return internal.locks
}

/**
 * @param {Internal} internal
 * @param {Call} call
 */
async function close({ handle, locks, snapshots }, call) {
  const turns = locks?.end(() => call.error('ERR_STORAGE_CLOSED', 'the storage is closed'))
  if (turns !== undefined) await turns
  snapshots?.clear()
  try {
    await handle.close()
  } catch (failure) {
    call.method = close
    throw call.failure(failure)
  }
}

module.exports = { Adapter }
