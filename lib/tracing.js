'use strict'

/** @import { Handle, Operation, Result } from './handle.js' */
/** @import { OperationContext } from './tracing-types.js' */

// Publishes to whoever subscribes, by `node:diagnostics_channel`. Never a state. Nothing is made while nobody listens.
const { channel, tracingChannel } = require('node:diagnostics_channel')

const { byteLength } = Buffer
const { isArray } = Array

/** @type {import('node:diagnostics_channel').TracingChannel<OperationContext>} */
const operations = tracingChannel('flowkit-storage:operation')
const { start, end, asyncStart, asyncEnd, error } = operations

const lock = channel('flowkit-storage:lock')
const mode = channel('flowkit-storage:mode')
const connection = channel('flowkit-storage:connection')
const sweep = channel('flowkit-storage:sweep')
const eviction = channel('flowkit-storage:eviction')
const unlockedWrite = channel('flowkit-storage:unlocked-write')

/** Returns whether somebody follows operations. Early versions of Node.js 20 only tell it of each channel. */
function isTraced() {
  return (
    start.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers
  )
}

/**
 * Does an operation, and publishes its beginning and its end. The value goes past the channel, which would publish it: a load
 * resolves to a state.
 *
 * @template T
 * @param {{ adapter: import('./errors.js').AdapterName, handle: Handle }} storage
 * @param {OperationContext['operation']} operation
 * @param {(context: OperationContext) => Promise<T>} perform
 * @returns {Promise<T>}
 */
async function trace({ adapter, handle }, operation, perform) {
  /** @type {OperationContext} */
  const context = { adapter, operation, mode: handle.mode, ...handle.origin }
  /** @type {any} */
  let value
  await operations.tracePromise(async () => {
    value = await perform(context)
  }, context)
  return value
}

/**
 * Notes what is known of an operation when it begins.
 *
 * @param {OperationContext} context
 * @param {Operation} operation
 */
function noteBegin(context, operation) {
  context.conversationId = operation.id
  // The text of a short save would be made here, all of it.
  const size = operation.short === undefined ? sizeOf(operation.text) : operation.short.size
  if (size !== undefined) context.size = size
}

/**
 * Notes what an operation found.
 *
 * @param {OperationContext} context
 * @param {Operation['kind']} kind
 * @param {Result} result
 */
function noteEnd(context, kind, result) {
  if (kind === 'load' || kind === 'refresh') {
    const size = isArray(result) ? result[3] : sizeOf(result)
    context.found = size !== undefined
    if (size !== undefined) context.size = size
  } else if (kind === 'has' || kind === 'touch') context.found = result === true
}

/**
 * Returns the bytes of a text; `undefined` if there is none.
 *
 * @param {unknown} text
 */
function sizeOf(text) {
  return typeof text === 'string' ? byteLength(text) : undefined
}

/**
 * Publishes a plain write on a conversation that this storage has locked. The write takes part in no turn.
 *
 * @param {import('./errors.js').AdapterName} adapter
 * @param {Operation} operation
 */
function noteUnlocked(adapter, { kind, id }) {
  if (kind !== 'save' && kind !== 'delete') return
  if (unlockedWrite.hasSubscribers) unlockedWrite.publish({ adapter, conversationId: id, operation: kind })
}

/**
 * Publishes the end of a call that took a lock, or waited for it.
 *
 * @param {() => import('./tracing-types.js').LockMessage} message
 */
function noteLock(message) {
  if (lock.hasSubscribers) lock.publish(message())
}

/**
 * Publishes that operations travel in another way from now on.
 *
 * @param {() => import('./tracing-types.js').ModeMessage} message
 */
function noteMode(message) {
  if (mode.hasSubscribers) mode.publish(message())
}

/**
 * Publishes that the own connection to a server is lost, or back.
 *
 * @param {() => import('./tracing-types.js').ConnectionMessage} message
 */
function noteConnection(message) {
  if (connection.hasSubscribers) connection.publish(message())
}

/**
 * Publishes the end of a sweep.
 *
 * @param {() => import('./tracing-types.js').SweepMessage} message
 */
function noteSweep(message) {
  if (sweep.hasSubscribers) sweep.publish(message())
}

/** Returns whether somebody follows what is forgotten because of the limits. */
function isEvictionHeard() {
  return eviction.hasSubscribers
}

/** @param {import('./tracing-types.js').EvictionMessage} message */
function noteEviction(message) {
  eviction.publish(message)
}

module.exports = {
  isEvictionHeard,
  isTraced,
  noteBegin,
  noteConnection,
  noteEnd,
  noteEviction,
  noteLock,
  noteMode,
  noteSweep,
  noteUnlocked,
  trace,
}
