'use strict'

/** @import { Call } from './errors.js' */
/** @import { Handle } from './handle.js' */
/** @typedef {InstanceType<typeof import('./short-operations.js').ShortSave>} ShortSave */
/** @typedef {InstanceType<typeof import('./snapshots.js').Snapshots>} Snapshots */

// Taken when the package is loaded, before anything else in the process can have replaced them: what decides whose a state
// is must not depend on a replacement.
const { parse: parseJson, stringify: writeJson } = JSON
const { hasOwn } = Object
const { isArray } = Array
const { byteLength } = Buffer
/** @type {(text: string) => boolean} */
const isWellFormed = Function.prototype.call.bind(String.prototype.isWellFormed)
/** @type {(text: string, start: string, position?: number) => boolean} */
const startsWith = Function.prototype.call.bind(String.prototype.startsWith)
/** @type {(text: string, part: string) => boolean} */
const includes = Function.prototype.call.bind(String.prototype.includes)

/** The longest id, in bytes of UTF-8. */
const LONGEST_ID = 1024

/**
 * Newer versions of Node have `JSON.rawJSON`, which writes lone surrogates as they are. UTF-8 cannot hold them. They only
 * occur inside of strings, where an escape means the same.
 */
const RAW_JSON = 'rawJSON' in JSON
const LONE_SURROGATE = /\p{Surrogate}/gu

/**
 * Returns `id`. Throws unless it is a well-formed, non-empty string of at most 1,024 bytes.
 *
 * @param {Call} call is told the id
 * @param {unknown} id
 */
function checkId(call, id) {
  if (typeof id !== 'string') {
    throw call.error('ERR_STORAGE_INVALID_ID', `a conversation id is a string, not ${describe(id)}`)
  }
  if (id === '') throw call.error('ERR_STORAGE_INVALID_ID', 'the conversation id is empty')
  // No UTF-16 unit takes more than three bytes of UTF-8, so most ids need no count.
  if (id.length * 3 > LONGEST_ID && (id.length > LONGEST_ID || byteLength(id) > LONGEST_ID)) {
    throw call.error('ERR_STORAGE_INVALID_ID', `the conversation id is longer than ${LONGEST_ID} bytes`)
  }
  if (!isWellFormed(id)) {
    throw call.error(
      'ERR_STORAGE_INVALID_ID',
      'the conversation id is not well-formed text (it holds a lone surrogate)',
    )
  }
  call.conversationId = id
  return id
}

/**
 * Returns the JSON text of a state, made by V8 itself: `JSON.stringify` *is* the promise of what is kept.
 *
 * @param {Call} call is told the id
 * @param {unknown} state
 * @param {boolean} pretty as `JSON.stringify(state, null, 2)` prints it
 * @param {Snapshots} [snapshots] makes a save short where it can
 * @returns {string | ShortSave}
 */
function stringify(call, state, pretty, snapshots) {
  if (state === null || typeof state !== 'object') {
    throw call.error('ERR_STORAGE_INVALID_STATE', `a conversation state is an object, not ${describe(state)}`)
  }
  /** @type {unknown} */
  let id
  /** @type {string | undefined} */
  let text
  /** @type {ShortSave | undefined} */
  let short
  try {
    id = /** @type {{ conversationId?: unknown }} */ (state).conversationId
    if (typeof id === 'string') {
      short = snapshots?.shorten(id, state)
      text = pretty ? writeJson(state, null, 2) : writeJson(short === undefined ? state : short.state)
    }
  } catch (cause) {
    if (typeof id === 'string') checkId(call, id)
    throw call.error('ERR_STORAGE_INVALID_STATE', 'the state cannot be written as JSON', cause)
  }
  if (typeof id !== 'string') {
    throw call.error('ERR_STORAGE_INVALID_STATE', `state.conversationId is a string, not ${describe(id)}`)
  }
  checkId(call, id)
  if (!namesConversation(text, id, pretty)) {
    // A getter on a class, or a `toJSON`: what is stored could never be loaded under this id.
    throw call.error('ERR_STORAGE_INVALID_STATE', 'its JSON does not hold this conversationId')
  }
  text = escapeLoneSurrogates(text)
  if (short === undefined) {
    snapshots?.saw(id, text)
    return text
  }
  short.text = text
  return short.isWorth ? short : text
}

/**
 * Returns JSON text that UTF-8 can hold.
 *
 * @param {string} text
 */
function escapeLoneSurrogates(text) {
  return RAW_JSON && !isWellFormed(text) ? text.replace(LONE_SURROGATE, escapeUnit) : text
}

/** @param {string} unit of UTF-16 */
function escapeUnit(unit) {
  return `\\u${unit.charCodeAt(0).toString(16)}`
}

/**
 * Returns whether the JSON text is an object with this `conversationId`. That is nearly always its first member, which costs
 * no parsing.
 *
 * @param {string | undefined} text
 * @param {string} id
 * @param {boolean} pretty
 * @returns {text is string}
 */
function namesConversation(text, id, pretty) {
  if (text === undefined) return false
  const start = pretty ? '{\n  "conversationId": "' : '{"conversationId":"'
  const end = start.length + id.length
  // An id with a quote or a backslash could match across the ends of several members.
  if (startsWith(text, start) && startsWith(text, id, start.length) && text[end] === '"' && isPlain(id)) return true
  const value = parseJson(text)
  return value !== null && typeof value === 'object' && hasOwn(value, 'conversationId') && value.conversationId === id
}

/** @param {string} id */
function isPlain(id) {
  return !includes(id, '"') && !includes(id, '\\')
}

/**
 * Returns the state that `text` holds. Throws unless it is this conversation's.
 *
 * @param {Call} call
 * @param {string} text
 * @param {Pick<Handle, 'location'>} handle names where the text was
 * @param {boolean} [isShort] something was left out of the text
 */
function parse(call, text, handle, isShort = false) {
  let state
  try {
    state = parseJson(text)
  } catch (cause) {
    // Some editors write it, and none shows it. The native side says the same of a file that it has to parse.
    const why = startsWith(text, '\ufeff')
      ? 'begins with a byte order mark: save it as UTF-8 without one'
      : 'holds something that is not JSON'
    throw corrupt(call, handle, why, withoutState(cause, isShort))
  }
  if (state === null || typeof state !== 'object' || isArray(state) || !hasOwn(state, 'conversationId')) {
    throw corrupt(call, handle, 'holds JSON that is no conversation state')
  }
  if (state.conversationId !== call.conversationId) {
    throw corrupt(call, handle, 'holds the state of another conversation')
  }
  return state
}

/**
 * @param {Call} call
 * @param {Pick<Handle, 'location'>} handle
 * @param {string} why the rest of a sentence about the location
 * @param {Error} [cause]
 */
function corrupt(call, handle, why, cause) {
  const location = handle.location(/** @type {string} */ (call.conversationId))
  return call.error('ERR_STORAGE_CORRUPT', `${location} ${why}`, cause)
}

/**
 * Returns a syntax error that says only where it is. V8 quotes the text around it, and a state must not end up in a log.
 *
 * @param {any} cause
 * @param {boolean} isShort the position is another one in the whole text
 */
function withoutState(cause, isShort) {
  const position = isShort ? null : /at position \d+/.exec(cause.message)
  const error = new SyntaxError(position ? `invalid JSON ${position[0]}` : 'invalid JSON')
  error.stack = `${error.name}: ${error.message}`
  return error
}

/** @param {unknown} value */
function describe(value) {
  if (value === null) return 'null'
  if (value === undefined) return 'undefined'
  try {
    if (isArray(value)) return 'an array'
  } catch {} // A revoked Proxy.
  return `a value of type ${typeof value}`
}

module.exports = { LONGEST_ID, checkId, escapeLoneSurrogates, stringify, parse }
