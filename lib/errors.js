'use strict'

/**
 * Every code, and whether trying the same again later can help.
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
  ERR_STORAGE_CLOSED: false,
  ERR_STORAGE_INTERNAL: false,
}

class StorageError extends Error {
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

/** Text as it may stand in a log. Ids, and with them paths, come from strangers, and so may a server's words. */
function printable(text) {
  return text.replace(UNPRINTABLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Text as an error message may show it: an attacker chooses it, and it may be long. */
function quote(text) {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}

function sentence(operation, conversationId, reason) {
  if (operation === 'close') return `Cannot close the storage: ${reason}.`
  const what = conversationId === undefined ? 'a conversation' : `conversation ${quote(conversationId)}`
  return `Cannot ${operation} ${what}: ${reason}.`
}

/**
 * How many stacks are taken in advance, in each so many milliseconds. One costs about as much as everything else that we
 * do on the JavaScript thread for an operation. Beyond that an error has the stack of the place that awaits it, which
 * V8 finds afterwards and at no cost; only a promise that nobody awaits has none.
 */
const TRACES_PER_WINDOW = 100
const WINDOW_MS = 100

let traces = 0
let windowStart = 0

function mayTrace() {
  if (traces < TRACES_PER_WINDOW) {
    traces++
    return true
  }
  const now = performance.now()
  if (now - windowStart < WINDOW_MS) return false
  windowStart = now
  traces = 1
  return true
}

/**
 * The caller's stack, taken when the operation is called: by the time it fails, the call is long over.
 * Four frames are enough to point at the caller's line and cost half of ten.
 */
function captureTrace(calledFunction) {
  const limit = Error.stackTraceLimit
  const trace = {}
  // `Reflect.set`, since an assignment would throw where the built-ins are frozen.
  if (limit > 4) Reflect.set(Error, 'stackTraceLimit', 4)
  Error.captureStackTrace(trace, calledFunction)
  if (limit > 4) Reflect.set(Error, 'stackTraceLimit', limit)
  return trace
}

/** An operation under way, as its errors name it. */
class Call {
  /**
   * @param {Function} method the public method: errors leave out the frames inside it
   * @param {boolean} goesAway whether the operation outlives the call, so that the caller's stack is needed later
   */
  constructor(adapter, operation, method, goesAway) {
    this.adapter = adapter
    this.operation = operation
    this.conversationId = undefined
    this.method = method
    this.trace = goesAway && mayTrace() ? captureTrace(method) : undefined
  }

  /** The error for something found wrong on the JavaScript side. */
  error(code, reason, cause) {
    const { adapter, operation, conversationId } = this
    const message = printable(sentence(operation, conversationId, reason))
    const error = new StorageError(message, { code, adapter, operation, conversationId, cause })
    if (this.trace !== undefined) setStack(error, this.trace)
    else Error.captureStackTrace(error, this.method)
    return error
  }

  /** The error for what a handle rejected with: a native `Failure` (`src/binding/failure.rs`), or the same with `cause`. */
  failure(failure) {
    if (!isFailure(failure)) {
      // Not ours: an exception of the binding itself, such as a caught panic.
      return this.error('ERR_STORAGE_INTERNAL', 'a bug in this package; please report it', failure)
    }
    let { cause } = failure
    if (failure.causeMessage !== undefined) {
      cause = new Error(printable(failure.causeMessage))
      if (failure.causeCode !== undefined) cause.code = failure.causeCode
      // Its stack would show where the outcome was unpacked, which helps nobody.
      cause.stack = `${cause.name}: ${cause.message}`
    }
    return this.error(failure.code, failure.reason, cause)
  }
}

/**
 * Whether this is what a handle rejects with. Not by its members alone: errors of OpenSSL have a `code` and a `reason`,
 * too. What a user's client throws may be anything, also something that cannot be looked at.
 */
function isFailure(value) {
  try {
    return typeof value?.reason === 'string' && Object.hasOwn(RETRYABLE, value.code)
  } catch {
    return false
  }
}

function setStack(error, trace) {
  const frames = String(trace.stack)
  const start = frames.indexOf('\n    at ')
  const stack = `${error.name}: ${error.message}${start === -1 ? '' : frames.slice(start)}`
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
}

function optionsError(adapter, message, cause) {
  return new StorageError(printable(message), {
    code: 'ERR_STORAGE_INVALID_OPTIONS',
    adapter,
    operation: 'construct',
    cause,
  })
}

/** Calls `read`, which looks at what the user gave. A getter or a Proxy may throw there, and a revoked one always does. */
function readGiven(adapter, what, read) {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof StorageError) throw cause
    throw optionsError(adapter, `${what} of the ${adapter} storage cannot be read.`, cause)
  }
}

module.exports = { StorageError, Call, isFailure, optionsError, quote, readGiven }
