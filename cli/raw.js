'use strict'

const { Call } = require('../lib/errors.js')
const { internalOf } = require('../lib/perform.js')
const { checkId, parse } = require('../lib/state.js')

/**
 * A stored text as it is, and its age. Times are in ms since 1970.
 *
 * @typedef {object} Raw
 * @property {string} text
 * @property {number | null} updatedAt when it was last saved or touched; `null` if that is not known
 * @property {number | null} expiresAt `null` for never
 */

/**
 * Reads a conversation byte for byte, with its age; `null` if there is none. The text may be anything but invalid UTF-8.
 *
 * @param {any} storage a storage of this package on a connection of its own
 * @param {string} id
 * @returns {Promise<Raw | null>}
 */
async function readRaw(storage, id) {
  const { adapter, handle, ttl } = internalOf(storage)
  const call = new Call(adapter, 'load', readRaw, true)
  checkId(call, id)
  try {
    return /** @type {any} */ (await handle.run({ kind: 'aged', id, ttl })) ?? null
  } catch (failure) {
    throw call.failure(failure)
  }
}

/**
 * Stores a text byte for byte and as old as it is elsewhere, if `expected` is what is stored. Returns whether it was.
 *
 * @param {any} storage a storage of this package on a connection of its own
 * @param {string} id
 * @param {string} text
 * @param {object} options
 * @param {string | null | undefined} options.expected the text; `null` for nothing, `undefined` for whatever there is
 * @param {number | undefined} options.updatedAt `undefined` for now
 * @param {number | undefined} options.expiresAt `undefined` for never; only Redis keeps it for each conversation
 */
async function putRaw(storage, id, text, { expected, updatedAt, expiresAt }) {
  const { adapter, handle, ttl } = internalOf(storage)
  const call = new Call(adapter, 'save', putRaw, true)
  checkId(call, id)
  const comparison =
    expected === undefined
      ? /** @type {const} */ ({ comparison: 'anything' })
      : expected === null
        ? /** @type {const} */ ({ comparison: 'absent' })
        : /** @type {const} */ ({ comparison: 'text', expected })
  /** @type {import('../binding.js').AgeOptions} */
  const age = {}
  if (updatedAt !== undefined) age.updatedAt = updatedAt
  if (expiresAt !== undefined) age.expiresAt = expiresAt
  checkId(call, id)
  try {
    const condition = { ...comparison, age }
    const result = await handle.run({ kind: 'cas', id, text, ttl, condition })
    return typeof result !== 'string'
  } catch (failure) {
    throw call.failure(failure)
  }
}

/**
 * Returns the state in a text. Throws as `load` does unless it is the one of this conversation.
 *
 * @param {any} storage where the text was
 * @param {string} id
 * @param {string} text
 * @returns {any}
 */
function stateOf(storage, id, text) {
  const { adapter, handle } = internalOf(storage)
  const call = new Call(adapter, 'load', stateOf, true)
  checkId(call, id)
  return parse(call, text, handle)
}

/**
 * Returns the seconds after which a storage lets conversations expire; 0 for never.
 *
 * @param {any} storage
 */
function ttlOf(storage) {
  return internalOf(storage).ttl
}

module.exports = { putRaw, readRaw, stateOf, ttlOf }
