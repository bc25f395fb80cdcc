'use strict'

const { optionsError, quote, readGiven } = require('./errors.js')

/** A longer name is no misspelling, and to compare it would take a while. */
const LONGEST_NAME = 40

/**
 * Checks the options of a constructor and returns them as a plain object, without those that are `undefined`
 * (`{ host: process.env.REDIS_HOST }` means the default host where the variable is not set).
 *
 * @param {'memory' | 'file' | 'redis' | 'sqlite'} adapter
 * @param {Record<string, (value: unknown) => string | undefined>} checks for each known option, what it must be, where
 *   the value is not that
 */
function readOptions(adapter, given, checks) {
  return readGiven(adapter, 'The options', () => readAll(adapter, given, checks))
}

function readAll(adapter, given, checks) {
  // Without a prototype: an option that is not given must not be found on a polluted one.
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
    const value = given[name]
    // Inherited from a class of the user's: meant. From the root of all objects: somebody polluted it.
    if (value === undefined || (Object.hasOwn(Object.prototype, name) && !Object.hasOwn(given, name))) continue
    const mustBe = check(value)
    if (mustBe !== undefined)
      throw optionsError(adapter, `The option "${name}" of the ${adapter} storage must be ${mustBe}.`)
    options[name] = value
  }
  return options
}

function aBoolean(value) {
  return typeof value === 'boolean' ? undefined : 'true or false'
}

function aString(value) {
  return typeof value === 'string' && value.isWellFormed() ? undefined : 'a string'
}

function aPath(value) {
  return typeof value === 'string' && value !== '' && !value.includes('\0') ? undefined : 'a non-empty path without NUL'
}

/** How operations on the user's own client or database travel. */
function aMode(value) {
  return value === 'auto' || value === 'inline' ? undefined : '"auto" or "inline"'
}

/** @returns a check for a whole number; `orText` also accepts its digits as text, as environment variables hold them. */
function aWholeNumber(least, most, { orText = false } = {}) {
  return (value) => {
    const number = orText && typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
    return Number.isInteger(number) && number >= least && number <= most
      ? undefined
      : `a whole number from ${least} to ${most}`
  }
}

/** The known name that a misspelt one most resembles, if any is near. */
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

/** How many letters have to be changed, added or left out to make `a` of `b`. */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1))
    }
    row = next
  }
  return row[b.length]
}

module.exports = { readOptions, aBoolean, aMode, aString, aPath, aWholeNumber }
