'use strict'

/** @import { Handle } from './handle.js' */
/** @import { Locks } from './locks/locks.js' */
/** @import { Kind } from './operations.js' */
/** @import { OperationContext } from './tracing-types.js' */
/** @typedef {InstanceType<typeof import('./snapshots.js').Snapshots>} Snapshots */

const { Call } = require('./errors.js')
const { writeIfMatch } = require('./locks/conditions.js')
const { findScope, isInside } = require('./locks/scope.js')
const { DROPS_TAIL_CALLS } = require('./stack-traces.js')
const { isTraced, noteBegin, noteEnd, noteUnlocked, trace } = require('./tracing.js')

const { isArray } = Array

/** The key of what an adapter keeps of itself. A symbol, since a Proxy around the adapter could not reach private fields. */
const INTERNAL = Symbol('flowkit-storage')

/**
 * @typedef {object} Internal
 * @property {import('./errors.js').AdapterName} adapter
 * @property {Handle} handle
 * @property {InstanceType<typeof import('./monitor.js').Monitor>} monitor
 * @property {boolean} pretty whether states are written indented
 * @property {number} ttl seconds until a conversation expires; 0 for never
 * @property {boolean} refreshOnLoad whether a load counts for that
 * @property {Snapshots | undefined} snapshots absent if each state travels whole
 * @property {Promise<void> | undefined} closing
 * @property {Locks | undefined} locks made at the first lock
 */

/**
 * @param {object} adapter
 * @returns {Internal}
 */
function internalOf(adapter) {
  return /** @type {any} */ (adapter)[INTERNAL]
}

/**
 * A turn that is under way when the storage is closed may still load and save.
 *
 * @param {Internal} internal
 * @param {Call} call
 */
function refuseIfClosed({ closing, locks }, call) {
  if (closing === undefined || (locks !== undefined && isInside(locks))) return
  throw call.error('ERR_STORAGE_CLOSED', 'the storage is closed')
}

/**
 * Does one operation, from the argument of the public method to what its promise resolves to.
 *
 * @param {object} adapter
 * @param {Kind} kind
 * @param {Function} method the public method: a stack begins below it
 * @param {unknown} argument
 * @param {unknown} [options]
 * @param {OperationContext} [context] given if somebody follows this operation
 * @returns {Promise<any>}
 */
async function perform(adapter, kind, method, argument, options, context) {
  const internal = internalOf(adapter)
  if (context === undefined && isTraced()) {
    return trace(internal, kind.name, (begun) => perform(adapter, kind, method, argument, options, begun))
  }
  const { handle, locks } = internal
  const below = DROPS_TAIL_CALLS ? perform : method
  const call = new Call(internal.adapter, kind.name, below, !handle.isImmediate, kind.verb)
  if (internal.closing !== undefined) refuseIfClosed(internal, call)
  const operation = kind.prepare(call, argument, internal, options)
  if (context !== undefined) noteBegin(context, operation)
  const scope = locks && findScope(locks, operation.id)
  if (scope === undefined && locks?.isHeld(operation.id)) noteUnlocked(internal.adapter, operation)
  let result
  try {
    if (scope !== undefined) result = scope.perform(operation)
    else if (operation.kind === 'cas') result = writeIfMatch(handle, operation)
    else result = handle.run(operation)
    // A result that is here already needs no `await`: a microtask more would be the larger part of a short read.
    if (typeof result === 'object' && !isArray(result)) {
      // The method is no longer on the stack then; V8 finds the caller behind this function.
      call.method = perform
      result = await result
    }
  } catch (failure) {
    throw noted(internal, scope, call.failure(failure))
  }
  if (context !== undefined) noteEnd(context, operation.kind, result)
  try {
    return kind.finish(call, result, handle, operation, internal)
  } catch (error) {
    // The store could not know: to it, a state is a text.
    internal.monitor.native.fail(kind.name)
    throw noted(internal, scope, error)
  }
}

/**
 * Returns the error. The next save inside a lock replaces what is corrupt.
 *
 * @param {Internal} internal
 * @param {ReturnType<typeof findScope>} scope
 * @param {any} error
 */
function noted({ monitor, handle }, scope, error) {
  if (error.code === 'ERR_STORAGE_CORRUPT') {
    scope?.expectAnything()
    monitor.foundCorrupt(error.conversationId, () => handle.location(error.conversationId))
  }
  return error
}

module.exports = { INTERNAL, internalOf, perform, refuseIfClosed }
