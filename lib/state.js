'use strict'

// Taken now, before anything else in the process can have put something of its own in their place: what decides whose a
// state is must not depend on it.
const { parse: parseJson, stringify: writeJson } = JSON
const { hasOwn } = Object
const { isArray } = Array
const { byteLength } = Buffer
const textMethod = (name) => Function.prototype.call.bind(String.prototype[name])
const isWellFormed = textMethod('isWellFormed')
const startsWith = textMethod('startsWith')
const includes = textMethod('includes')

/** The longest id, in bytes of UTF-8. */
const LONGEST_ID = 1024

/**
 * `JSON.rawJSON`, where there is one, lets lone surrogates through as they are, which UTF-8 cannot hold. They can only
 * stand inside of strings there, in which an escape means the same.
 */
const RAW_JSON = typeof JSON.rawJSON === 'function'
const LONE_SURROGATE = /\p{Surrogate}/gu

/** Throws unless `id` is a well-formed, non-empty string of at most 1,024 bytes. */
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
  for (const end = performance.now() + 0.05; performance.now() < end; );
}

/**
 * A state as its JSON text, made by V8 itself: `JSON.stringify` *is* the promise of what is kept.
 *
 * @param {boolean} pretty as `JSON.stringify(state, null, 2)` prints it
 */
function stringify(call, state, pretty) {
  if (state === null || typeof state !== 'object') {
    throw call.error('ERR_STORAGE_INVALID_STATE', `a conversation state is an object, not ${describe(state)}`)
  }
  let id
  let text
  try {
    id = state.conversationId
    if (typeof id === 'string') text = pretty ? writeJson(state, null, 2) : writeJson(state)
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
  return RAW_JSON && !isWellFormed(text) ? text.replace(LONE_SURROGATE, escapeUnit) : text
}

function escapeUnit(unit) {
  return `\\u${unit.charCodeAt(0).toString(16)}`
}

/** Whether the JSON text is an object with this `conversationId`. Nearly always its first member, which costs no parsing. */
function namesConversation(text, id, pretty) {
  if (text === undefined) return false
  const start = pretty ? '{\n  "conversationId": "' : '{"conversationId":"'
  const end = start.length + id.length
  // An id with a quote or a backslash could match across the ends of several members.
  if (startsWith(text, start) && startsWith(text, id, start.length) && text[end] === '"' && isPlain(id)) return true
  const value = parseJson(text)
  return value !== null && typeof value === 'object' && hasOwn(value, 'conversationId') && value.conversationId === id
}

function isPlain(id) {
  return !includes(id, '"') && !includes(id, '\\')
}

/** The state that `text` holds. Throws unless it is this conversation's. `handle.place(id)` names where it was. */
function parse(call, text, handle) {
  let state
  try {
    state = parseJson(text)
  } catch (cause) {
    throw call.error(
      'ERR_STORAGE_CORRUPT',
      `${handle.place(call.conversationId)} holds something that is not JSON`,
      withoutState(cause),
    )
  }
  if (state === null || typeof state !== 'object' || isArray(state) || !hasOwn(state, 'conversationId')) {
    throw call.error(
      'ERR_STORAGE_CORRUPT',
      `${handle.place(call.conversationId)} holds JSON that is no conversation state`,
    )
  }
  if (state.conversationId !== call.conversationId) {
    throw call.error(
      'ERR_STORAGE_CORRUPT',
      `${handle.place(call.conversationId)} holds the state of another conversation`,
    )
  }
  return state
}

/** V8 quotes the text around a syntax error, and a state must not end up in a log. */
function withoutState(cause) {
  const position = /at position \d+/.exec(cause.message)
  const error = new SyntaxError(position ? `invalid JSON ${position[0]}` : 'invalid JSON')
  error.stack = `${error.name}: ${error.message}`
  return error
}

function describe(value) {
  if (value === null) return 'null'
  if (value === undefined) return 'undefined'
  try {
    if (isArray(value)) return 'an array'
  } catch {} // A revoked Proxy.
  return `a value of type ${typeof value}`
}

module.exports = { checkId, stringify, parse }
