'use strict'

/** @import { Logger } from './logger-types.js' */

/** @typedef {'debug' | 'info' | 'warn' | 'error'} Level */

// Taken when the package is loaded, as in `lib/state.js`.
const { hasOwn, prototype: OBJECT } = Object

/** @type {readonly Level[]} */
const LEVELS = ['debug', 'info', 'warn', 'error']

/** @type {import('./options.js').Check<Logger>} */
const aLogger = (value) =>
  value !== null &&
  typeof value === 'object' &&
  LEVELS.every((level) => ['undefined', 'function'].includes(typeof (/** @type {Logger} */ (value)[level])))
    ? undefined
    : 'an object with functions debug, info, warn or error'

/**
 * Writes to the user's logger, if there is one. Whatever that does changes nothing: it may throw, or return a promise that rejects.
 *
 * @param {Logger | undefined} logger
 * @param {Level} level
 * @param {string} message
 * @param {() => { [name: string]: unknown }} meta
 */
function log(logger, level, message, meta) {
  if (logger === undefined) return
  try {
    // A method inherited from a class is meant. One from the root of all objects is pollution.
    if (hasOwn(OBJECT, level) && logger[level] === /** @type {any} */ (OBJECT)[level]) return
    const result = logger[level]?.(message, meta())
    if (result !== null && typeof result === 'object') ignore(result)
  } catch {} // A message that cannot be written must not fail what it is about.
}

/**
 * Awaits and does not chain, which would call a `Promise.prototype.then` that someone may have replaced.
 *
 * @param {unknown} promise
 */
async function ignore(promise) {
  try {
    await promise
  } catch {} // As in `log`.
}

module.exports = { aLogger, log }
