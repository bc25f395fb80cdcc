'use strict'

/** @import { Call } from './errors.js' */
/** @import { Handle, Operation, Result } from './handle.js' */
/** @import { OperationContext } from './tracing-types.js' */
/** @typedef {InstanceType<typeof import('./snapshots.js').Snapshots>} Snapshots */

const { etagOf } = require('./locks/conditions.js')
const { readIfMatch } = require('./locks/options.js')
const { parse, checkId, stringify } = require('./state.js')

/**
 * What the operations read of their storage.
 *
 * @typedef {object} Settings
 * @property {boolean} pretty whether states are written indented
 * @property {number} ttl seconds until a conversation expires; 0 for never
 * @property {boolean} refreshOnLoad whether a load counts for that
 * @property {Snapshots | undefined} snapshots absent if each state travels whole
 * @property {object | undefined} locks absent until the first lock
 */

/**
 * @typedef {object} Kind
 * @property {OperationContext['operation']} name the public method
 * @property {string} [verb] what it does, as messages say it; by default the name
 * @property {(call: Call, argument: unknown, settings: Settings, options: unknown) => Operation} prepare checks the arguments
 * @property {(call: Call, result: Result, handle: Handle, operation: Operation, settings: Settings) => unknown} finish makes what
 *   the method resolves to
 */

const { isArray } = Array

function nothing() {}

/**
 * @param {Call} call
 * @param {unknown} id
 * @param {Settings} settings
 * @returns {Operation}
 */
function prepareLoad(call, id, { ttl, refreshOnLoad }) {
  return { kind: refreshOnLoad ? 'refresh' : 'load', id: checkId(call, id), ttl, short: undefined }
}

/** The arguments and the result of each operation. The path between is the same for all. @satisfies {{ [name: string]: Kind }} */
const KINDS = {
  load: {
    name: 'load',
    prepare(call, argument, settings) {
      const operation = prepareLoad(call, argument, settings)
      operation.short = snapshotsOf(settings)?.baseOf(operation.id)
      return operation
    },
    finish(call, result, handle, { id, short }, settings) {
      if (typeof result === 'string') {
        const state = parse(call, result, handle)
        if (short === undefined) snapshotsOf(settings)?.loaded(id, result, state)
        return state
      }
      if (!isArray(result)) return null
      const [text, first, count] = result
      const state = parse(call, text, handle, true)
      short?.restore?.(state, first, count)
      if (settings.snapshots !== undefined) settings.snapshots.hits++
      return state
    },
  },
  save: {
    name: 'save',
    prepare(call, state, settings, options) {
      const { pretty, ttl } = settings
      const written = stringify(call, state, pretty, options === undefined ? snapshotsOf(settings) : undefined)
      const id = /** @type {string} */ (call.conversationId)
      if (typeof written !== 'string') {
        return {
          kind: 'save',
          id,
          ttl,
          short: written,
          get text() {
            return written.whole()
          },
        }
      }
      const text = written
      if (options === undefined) return { kind: 'save', id, text, ttl }
      return ifMatch(call, options, { kind: 'save', id, text, ttl })
    },
    finish: nothing,
  },
  loadEntry: {
    name: 'load',
    prepare: prepareLoad,
    finish: (call, text, handle) =>
      typeof text === 'string' ? { state: parse(call, text, handle), etag: etagOf(text) } : { state: null, etag: null },
  },
  has: {
    name: 'has',
    verb: 'look for',
    prepare: (call, id, { ttl }) => ({ kind: 'has', id: checkId(call, id), ttl }),
    finish: (_call, isThere) => isThere,
  },
  touch: {
    name: 'touch',
    prepare: (call, id, { ttl }) => ({ kind: 'touch', id: checkId(call, id), ttl }),
    finish: (_call, isThere) => isThere,
  },
  delete: {
    name: 'delete',
    prepare(call, argument, { ttl, snapshots }, options) {
      const id = checkId(call, argument)
      snapshots?.forget(id)
      return ifMatch(call, options, { kind: 'delete', id, ttl })
    },
    finish: nothing,
  },
}

/**
 * Returns what makes operations short. Inside a lock the whole text is compared, so it has to be here.
 *
 * @param {Settings} settings
 */
function snapshotsOf({ snapshots, locks }) {
  return locks === undefined ? snapshots : undefined
}

/**
 * Returns the operation with the condition that the options of a write name.
 *
 * @param {Call} call
 * @param {unknown} options
 * @param {Operation} operation
 * @returns {Operation}
 */
function ifMatch(call, options, operation) {
  const etag = readIfMatch(call, `${operation.kind}()`, options)
  if (etag === undefined) return operation
  const condition = etag === null ? { comparison: 'absent' } : { comparison: 'etag', expected: etag }
  return { ...operation, kind: 'cas', condition: /** @type {NonNullable<Operation['condition']>} */ (condition) }
}

module.exports = { KINDS }
