'use strict'

// Built-ins as Node.js made them. Fake timers must not stop real storage: operations would never be handed over, or their
// promises never settle. A test may have replaced the globals before this file is loaded (jestjs/jest#12622: under jsdom some
// are not even there). So they come from modules.

const { scheduler } = require('node:timers/promises')

const { clearTimeout, now, setTimeout } = require('./timers.js')

/** @type {<T, R>(promise: Promise<T>, onFulfilled: (value: T) => R) => Promise<R>} */
const then = Function.prototype.call.bind(Promise.prototype.then)
const yieldTurn = scheduler.yield.bind(scheduler)

/**
 * Calls `task` in the next turn. Fake timers may have replaced `setImmediate` in `node:timers` as well (sinonjs/fake-timers#467,
 * `mock.timers` of `node:test`). Nobody replaces this one, which is the same inside.
 *
 * @param {() => void} task must not throw
 */
function setImmediate(task) {
  then(yieldTurn(), task)
}

module.exports = {
  clearTimeout,
  now,
  resolved: Promise.resolve(),
  setImmediate,
  setTimeout,
  then,
}
