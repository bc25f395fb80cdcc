'use strict'

/** @import { Failure } from './handle.js' */

const { setStack, takeTrace } = require('./stack-traces.js')

/**
 * Maps every code to whether the same operation may succeed later.
 * The native side names the same codes in `crates/store/src/error.rs`.
 */
const RETRYABLE = {
  ERR_STORAGE_INVALID_OPTIONS: false,
  ERR_STORAGE_INVALID_ID: false,
  ERR_STORAGE_INVALID_STATE: false,
  ERR_STORAGE_CORRUPT: false,
  ERR_STORAGE_UNAVAILABLE: true,
  ERR_STORAGE_TIMEOUT: true,
  ERR_STORAGE_DENIED: false,
  ERR_STORAGE_CONFLICT: true,
  ERR_STORAGE_UNSUPPORTED: false,
  ERR_STORAGE_CLOSED: false,
  ERR_STORAGE_INTERNAL: false,
}

/** @typedef {keyof typeof RETRYABLE} Code */

/** @typedef {'memory' | 'file' | 'redis' | 'sqlite' | 'custom'} AdapterName */

/**
 * @typedef {object} Details
 * @property {Code} code
 * @property {AdapterName} adapter
 * @property {string} operation the public method, or `construct`
 * @property {string | undefined} [conversationId]
 * @property {unknown} [cause]
 */

class StorageError extends Error {
  /**
   * @param {string} message
   * @param {Details} details
   */
  constructor(message, { code, adapter, operation, conversationId, cause }) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.adapter = adapter
    this.operation = operation
    if (conversationId !== undefined) this.conversationId = conversationId
    this.retryable = RETRYABLE[code]
  }
}
// On the prototype and not enumerable, as the built-in errors have it.
Object.defineProperty(StorageError.prototype, 'name', { value: 'StorageError', configurable: true, writable: true })

/** Control characters move a terminal's cursor or begin a line of a log; the others turn its reading direction. */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu

/**
 * Returns text as it may stand in a log. Ids, and with them paths, come from strangers. So may the words of a server.
 *
 * @param {string} text
 */
function printable(text) {
  return text.replace(UNPRINTABLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * Returns text as an error message may show it: an attacker chooses it, and it may be long.
 *
 * @param {string} text
 */
function quote(text) {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}

/** The operations that are about no conversation by its id. */
const ABOUT_MANY = new Set(['list', 'count', 'clear', 'purge'])

/**
 * @param {string} verb
 * @param {string | undefined} conversationId
 * @param {string} reason the rest of the sentence
 */
function sentence(verb, conversationId, reason) {
  if (verb === 'close') return `Cannot close the storage: ${reason}.`
  if (ABOUT_MANY.has(verb)) return `Cannot ${verb} the conversations: ${reason}.`
  const what = conversationId === undefined ? 'a conversation' : `conversation ${quote(conversationId)}`
  return `Cannot ${verb} ${what}: ${reason}.`
}

/** An operation in progress, as its errors name it. */
class Call {
  /**
   * @param {AdapterName} adapter
   * @param {import('./error-types.js').StorageError['operation']} operation
   * @param {Function} method the public method: errors leave out the frames inside it
   * @param {boolean} goesAway whether the operation outlives the call, so that the caller's stack is needed later
   * @param {string} [verb] what the operation does, as messages say it
   */
  constructor(adapter, operation, method, goesAway, verb = operation) {
    this.adapter = adapter
    this.operation = operation
    this.verb = verb
    /** Set once the id is checked. @type {string | undefined} */
    this.conversationId = undefined
    this.method = method
    this.trace = goesAway ? takeTrace(method) : undefined
  }

  /**
   * Returns the error for something found wrong on the JavaScript side.
   *
   * @param {Code} code
   * @param {string} reason the rest of the sentence
   * @param {unknown} [cause]
   */
  error(code, reason, cause) {
    const { adapter, operation, verb, conversationId } = this
    const message = printable(sentence(verb, conversationId, reason))
    const error = new StorageError(message, { code, adapter, operation, conversationId, cause })
    if (this.trace !== undefined) setStack(error, this.trace)
    else Error.captureStackTrace(error, this.method)
    return error
  }

  /**
   * Returns the error for what a handle threw or rejected with.
   *
   * @param {unknown} failure
   */
  failure(failure) {
    if (isFailure(failure)) return this.error(failure.code, failure.reason, causeOf(failure))
    // Not ours: an exception of the binding itself, such as a caught panic.
    return this.error('ERR_STORAGE_INTERNAL', 'a bug in this package; please report it', failure)
  }
}

/**
 * Returns whether this is what a handle rejects with. Its members alone do not tell: errors of OpenSSL have a `code` and a
 * `reason`, too. What a user's client throws may be anything, also something that throws when it is looked at.
 *
 * @param {any} value
 * @returns {value is Failure & { code: Code }}
 */
function isFailure(value) {
  try {
    return typeof value?.reason === 'string' && Object.hasOwn(RETRYABLE, value.code)
  } catch {
    return false
  }
}

/** @param {Failure} failure */
function causeOf({ cause, causeCode, causeMessage }) {
  if (causeMessage === undefined) return cause
  /** @type {Error & { code?: string }} */
  const error = new Error(printable(causeMessage))
  if (causeCode !== undefined) error.code = causeCode
  // Its stack would show where the outcome was unpacked, which does not help.
  error.stack = `${error.name}: ${error.message}`
  return error
}

/**
 * @param {AdapterName} adapter
 * @param {string} message
 * @param {unknown} [cause]
 */
function optionsError(adapter, message, cause) {
  return new StorageError(printable(message), {
    code: 'ERR_STORAGE_INVALID_OPTIONS',
    adapter,
    operation: 'construct',
    cause,
  })
}

/**
 * Returns what `read` returns. `read` looks at what the user gave: a getter or a Proxy may throw there, and a revoked Proxy
 * always does.
 *
 * @template T
 * @param {AdapterName} adapter
 * @param {string} what the beginning of a sentence, such as `The options`
 * @param {() => T} read
 */
function readGiven(adapter, what, read) {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof StorageError) throw cause
    throw optionsError(adapter, `${what} of the ${adapter} storage cannot be read.`, cause)
  }
}

// One by one: the type checker then knows a class by its name in other files, too.
exports.Call = Call
exports.StorageError = StorageError
exports.isFailure = isFailure
exports.optionsError = optionsError
exports.printable = printable
exports.quote = quote
exports.readGiven = readGiven
