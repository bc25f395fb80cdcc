'use strict'

const { now } = require('./primordials.js')

/**
 * How many stacks are taken in advance within one window. One stack costs the JavaScript thread 10 to 40 us, as much as the
 * rest of an operation (measured, turns of 20 KB in SQLite, one at a time: 0.9x of the time with 10 instead of 100). Beyond
 * the limit an error has the stack of the place that awaits it. V8 finds that one afterwards, at no cost; only a promise that
 * is not awaited has none.
 */
const TRACES_PER_WINDOW = 10
const WINDOW_MS = 100

/**
 * JavaScriptCore (Bun) drops the frame of a strict function that ends in `return other()`. A stack that is to begin below
 * such a function is empty there.
 */
const DROPS_TAIL_CALLS = process.versions.bun !== undefined

let traces = 0
let windowStart = 0

/** Holds the frames of a stack for an error that may come. @typedef {{ stack?: string }} Trace */

/**
 * Returns the caller's stack; `undefined` if too many were taken a moment ago. It is taken when the operation is called: by
 * the time that fails, the call is long over. Four frames are enough to point at the caller's line, and cost half of ten.
 *
 * @param {Function} calledFunction the stack begins below it
 */
function takeTrace(calledFunction) {
  if (!mayTake()) return undefined
  const limit = Error.stackTraceLimit
  /** @type {Trace} */
  const trace = {}
  // `Reflect.set`, since an assignment would throw where the built-ins are frozen.
  if (limit > 4) Reflect.set(Error, 'stackTraceLimit', 4)
  Error.captureStackTrace(trace, calledFunction)
  if (limit > 4) Reflect.set(Error, 'stackTraceLimit', limit)
  return trace
}

function mayTake() {
  if (traces < TRACES_PER_WINDOW) {
    traces++
    return true
  }
  const time = now()
  if (time - windowStart < WINDOW_MS) return false
  windowStart = time
  traces = 1
  return true
}

/**
 * Gives an error the frames of a stack that was taken earlier.
 *
 * @param {Error} error
 * @param {Trace} trace
 */
function setStack(error, trace) {
  const frames = String(trace.stack)
  const start = frames.indexOf('\n    at ')
  const stack = `${error.name}: ${error.message}${start === -1 ? '' : frames.slice(start)}`
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
}

module.exports = { DROPS_TAIL_CALLS, setStack, takeTrace }
