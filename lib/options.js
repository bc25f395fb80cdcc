'use strict'

/** @import { AdapterName } from './errors.js' */

const { fileURLToPath } = require('node:url')

const { optionsError, quote, readGiven } = require('./errors.js')

/**
 * Returns what a value must be, as the rest of a sentence; `undefined` if it is that. The member `accepts` never exists: it
 * tells the type checker what passes. `convert` makes that of a value which passed in another shape.
 *
 * @template T
 * @typedef {{ (value: unknown): string | undefined, accepts?: T, convert?: (value: any) => T }} Check
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

/**
 * Makes the errors of options, in the words of whoever has them.
 *
 * @typedef {object} Wording
 * @property {() => Error} notAnObject
 * @property {(name: string, meant: string | undefined) => Error} unknown `name` is quoted
 * @property {(name: string, mustBe: string) => Error} wrong
 */

/** @type {typeof readOptions} */
function readAll(adapter, given, checks) {
  return checkOptions(given, checks, {
    notAnObject: () => optionsError(adapter, `The options of the ${adapter} storage must be an object.`),
    unknown(name, meant) {
      const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`
      return optionsError(adapter, `The ${adapter} storage has no option ${name}.${hint}`)
    },
    wrong: (name, mustBe) => optionsError(adapter, `The option "${name}" of the ${adapter} storage must be ${mustBe}.`),
  })
}

/**
 * Returns the given options as a plain object, without those that are `undefined`. Throws what `wording` makes.
 *
 * @template {{ [name: string]: Check<unknown> }} Checks
 * @param {unknown} given
 * @param {Checks} checks
 * @param {Wording} wording
 * @returns {Checked<Checks>}
 */
function checkOptions(given, checks, wording) {
  /**
   * Without a prototype: an option that is not given must not be found on a polluted one.
   *
   * @type {any}
   */
  const options = { __proto__: null }
  if (given === undefined) return options
  if (given === null || typeof given !== 'object' || Array.isArray(given)) throw wording.notAnObject()
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(checks, name)) throw wording.unknown(quote(name), closest(name, Object.keys(checks)))
  }
  for (const [name, check] of Object.entries(checks)) {
    const value = /** @type {{ [name: string]: unknown }} */ (given)[name]
    // A value inherited from a user's class is meant. One from the root of all objects is pollution.
    if (value === undefined || (Object.hasOwn(Object.prototype, name) && !Object.hasOwn(given, name))) continue
    const mustBe = check(value)
    if (mustBe !== undefined) throw wording.wrong(name, mustBe)
    options[name] = Object.hasOwn(check, 'convert') ? check.convert?.(value) : value
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

/** As `node:fs` takes it: text, or a `file:` URL. @type {Check<string>} */
const aPathOrUrl = (value) => {
  if (typeof value === 'string' && /^file:/i.test(value)) {
    return 'a path or a URL object, not the text of a URL (use new URL(...) or fileURLToPath)'
  }
  if (!isUrl(value)) return aPath(value)
  if (value.protocol !== 'file:') return `a path or a URL that begins with "file:", not with ${quote(value.protocol)}`
  try {
    return aPath(toPath(value))
  } catch {
    return 'a path or a "file:" URL of this machine, without an escaped separator'
  }
}
aPathOrUrl.convert = toPath

/**
 * @param {any} value
 * @returns {value is { href: string, protocol: string }} also one of another realm, such as that of a test environment
 */
function isUrl(value) {
  return (
    value !== null && typeof value === 'object' && typeof value.href === 'string' && typeof value.protocol === 'string'
  )
}

/**
 * @param {string | { href: string }} value
 * @returns {string}
 */
function toPath(value) {
  return typeof value === 'string' ? value : fileURLToPath(value.href)
}

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

/** How many bytes may be used for something; 0 for none. @type {Check<number>} */
const aRoom = aWholeNumber(0, Number.MAX_SAFE_INTEGER)

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

module.exports = {
  checkOptions,
  closest,
  readOptions,
  aBoolean,
  aMode,
  aString,
  aPath,
  aPathOrUrl,
  aRoom,
  aWholeNumber,
  orItsDigits,
}
