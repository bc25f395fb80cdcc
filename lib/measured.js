'use strict'

/** @import { Handle, Operation, Result } from './handle.js' */

const { types } = require('node:util')

const { now } = require('./primordials.js')

/** @typedef {InstanceType<typeof import('./monitor.js').Monitor>} Monitor */

const { byteLength } = Buffer
const { isArray } = Array
const { isPromise } = types

/** The public method of each action of a look through the conversations. */
const ACTIONS = { list: 'list', listIds: 'list', count: 'count' }

/**
 * Counts the operations of a handle on the user's own object, here: native code sees only some of them, and some of those twice. This
 * is the one place that sees each of them once.
 *
 * @template {Handle} H
 * @param {H} handle
 * @param {Monitor} monitor
 * @returns {H} the same handle
 */
function measured(handle, { native }) {
  const run = handle.run.bind(handle)
  handle.run = (operation) => {
    const saved = savedSize(operation)
    const bytes = byteLength(operation.id) + saved
    const method = methodOf(operation)
    const began = now()
    native.begin(bytes)
    /** @param {'done' | 'refused' | 'failed'} end @param {number} [loaded] */
    const end = (end, loaded = 0) => native.end(bytes, method, now() - began, end, saved, loaded)
    /** @param {Result} result */
    const finish = (result) => {
      const isRefused = operation.kind === 'cas' && typeof result === 'string'
      end(isRefused ? 'refused' : 'done', isRefused || operation.kind === 'scan' ? 0 : textSize(result))
      return result
    }
    /** @param {Promise<Result>} promise */
    const follow = async (promise) => {
      let result
      try {
        result = await promise
      } catch (failure) {
        end('failed')
        throw failure
      }
      return finish(result)
    }
    let result
    try {
      result = run(operation)
    } catch (failure) {
      end('failed')
      throw failure
    }
    return isPromise(result) ? follow(result) : finish(result)
  }
  return handle
}

/**
 * Returns the public method that an operation is the work of, as `crates/store/src/request.rs` has it.
 *
 * @param {Operation} operation
 */
function methodOf(operation) {
  const { kind, scan } = operation
  if (scan !== undefined) {
    const action = /** @type {keyof typeof ACTIONS} */ (scan.action)
    return ACTIONS[action] ?? (scan.before === undefined ? 'clear' : 'purge')
  }
  if (kind === 'cas') return operation.text === undefined ? 'delete' : 'save'
  if (kind === 'refresh') return 'load'
  if (kind === 'enter') return 'lock'
  return kind === 'leave' ? 'unlock' : kind
}

/** @param {Operation} operation */
function savedSize(operation) {
  // The text of a short save would be made here, all of it, and in vain.
  if (operation.short !== undefined) return operation.short.size ?? 0
  return operation.text === undefined ? 0 : byteLength(operation.text)
}

/** @param {Result} result */
function textSize(result) {
  if (isArray(result)) return result[3]
  const text = typeof result === 'object' && 'held' in result ? result.text : result
  return typeof text === 'string' ? byteLength(text) : 0
}

module.exports = { measured }
