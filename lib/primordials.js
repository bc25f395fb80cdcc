'use strict'

// Taken when the package is loaded. A test's fake timers, or whoever replaces a built-in later, must not stop real storage:
// operations would never be handed over, or their promises never settle.

/** @type {<T, R>(promise: Promise<T>, onFulfilled: (value: T) => R) => Promise<R>} */
const then = Function.prototype.call.bind(Promise.prototype.then)

module.exports = {
  clearTimeout,
  now: performance.now.bind(performance),
  resolved: Promise.resolve(),
  setImmediate,
  setTimeout,
  then,
}
