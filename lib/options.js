'use strict'

/** @import { AdapterName } from './errors.js' */

const { optionsError, quote, readGiven } = require('./errors.js')

/**
 * Returns what a value must be, as the rest of a sentence; `undefined` if it is that. The member `accepts` never exists: it
 * tells the type checker what passes.
 *
 * @template T
 * @typedef {{ (value: unknown): string | undefined, accepts?: T }} Check
 */

/**
 * The options that passed.
 *
 * @template {{ [name: string]: Check<unknown> }} Checks
 * @typedef {{ [Name in keyof Checks]?: Checks[Name] extends Check<infer T> ? T : never }} Checked
 */

/** A longer name is no misspelling, and comparing it would take a while. */
const LONGEST_NAME = 40

/**
 * Checks the options of a constructor. Returns them as a plain object, without those that are `undefined`:
 * `{ host: process.env.REDIS_HOST }` means the default host if the variable is not set.
 *
 * @template {{ [name: string]: Check<unknown> }} Checks
 * @param {AdapterName} adapter
 * @param {unknown} given
 * @param {Checks} checks one for each known option
 * @returns {Checked<Checks>}
 */
function readOptions(adapter, given, checks) {
  return readGiven(adapter, 'The options', () => readAll(adapter, given, checks))
}

/** @type {typeof readOptions} */
function readAll(adapter, given, checks) {
  /**
   * Without a prototype: an option that is not given must not be found on a polluted one.
   *
   * @type {any}
   */
  const options = { __proto__: null }
  if (given === undefined) return options
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw optionsError(adapter, `The options of the ${adapter} storage must be an object.`)
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(checks, name)) continue
    const meant = closest(name, Object.keys(checks))
    const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`
    throw optionsError(adapter, `The ${adapter} storage has no option ${quote(name)}.${hint}`)
  }
  for (const [name, check] of Object.entries(checks)) {
    const value = /** @type {{ [name: string]: unknown }} */ (given)[name]
    // A value inherited from a user's class is meant. One from the root of all objects is pollution.
    if (value === undefined || (Object.hasOwn(Object.prototype, name) && !Object.hasOwn(given, name))) continue
    const mustBe = check(value)
    if (mustBe !== undefined)
      throw optionsError(adapter, `The option "${name}" of the ${adapter} storage must be ${mustBe}.`)
    options[name] = value
  }
  return options
}

/** @type {Check<boolean>} */
const aBoolean = (value) => (typeof value === 'boolean' ? undefined : 'true or false')

/** @type {Check<string>} */
const aString = (value) => (typeof value === 'string' && value.isWellFormed() ? undefined : 'a string')

/** @type {Check<string>} */
const aPath = (value) =>
  typeof value === 'string' && value !== '' && !value.includes('\0') ? undefined : 'a non-empty path without NUL'

/** How operations on the user's own client or database travel. @type {Check<'auto' | 'inline'>} */
const aMode = (value) => (value === 'auto' || value === 'inline' ? undefined : '"auto" or "inline"')

/**
 * Returns a check for a whole number.
 *
 * @param {number} least
 * @param {number} most
 * @returns {Check<number>}
 */
function aWholeNumber(least, most) {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? undefined
      : `a whole number from ${least} to ${most}`
}

/**
 * Returns a check for a number that also accepts its digits as text, as environment variables hold them.
 *
 * @param {Check<number>} check
 * @returns {Check<number | string>}
 */
function orItsDigits(check) {
  return (value) => check(typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value)
}

/**
 * Returns the known name that a misspelt one most resembles; `undefined` if none is near.
 *
 * @param {string} name
 * @param {string[]} known
 */
function closest(name, known) {
  if (name.length > LONGEST_NAME) return undefined
  let best
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/**
 * Returns how many letters have to be changed, added or left out to make `a` of `b`.
 *
 * @param {string} a
 * @param {string} b
 */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    let diagonal = 0
    let left = 0
    row = row.map((above, j) => {
      const change = diagonal + (a[i - 1] === b[j - 1] ? 0 : 1)
      diagonal = above
      left = j === 0 ? i : Math.min(change, above + 1, left + 1)
      return left
    })
  }
  return /** @type {number} */ (row[b.length])
}

module.exports = { readOptions, aBoolean, aMode, aString, aPath, aWholeNumber, orItsDigits }
