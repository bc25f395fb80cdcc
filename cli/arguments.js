'use strict'

const { usageError } = require('./failure.js')
const { printable } = require('./text.js')

/** @type {Record<string, number>} */
const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400, w: 7 * 86_400 }

/**
 * Reads a time span such as `90d`. Returns seconds; `undefined` if the option is not given.
 *
 * @param {string | boolean | undefined} text
 * @param {string} option
 */
function timeSpan(text, option) {
  if (text === undefined) return undefined
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)([smhdw])$/.exec(String(text)) ?? []
  if (number === undefined || unit === undefined) {
    throw usageError(`${option} takes a number and a unit, such as 45m, 12h, 90d or 4w; not ${shown(text)}.`)
  }
  return Number(number) * /** @type {number} */ (SECONDS[unit])
}

/**
 * Reads a whole number of 1 or more; `undefined` if the option is not given.
 *
 * @param {string | boolean | undefined} text
 * @param {string} option
 */
function wholeNumber(text, option) {
  if (text === undefined) return undefined
  const number = /^\d{1,15}$/.test(String(text)) ? Number(text) : 0
  if (number < 1) throw usageError(`${option} takes a whole number, 1 or more; not ${shown(text)}.`)
  return number
}

/**
 * Checks that an option has one of some values.
 *
 * @template {string} T
 * @param {string | boolean | undefined} text
 * @param {string} option
 * @param {readonly T[]} values
 * @returns {T | undefined}
 */
function oneOf(text, option, values) {
  const found = values.find((value) => value === text)
  if (text !== undefined && found === undefined) {
    throw usageError(`${option} takes ${values.join(' or ')}; not ${shown(text)}.`)
  }
  return found
}

/**
 * Checks how many arguments there are.
 *
 * @param {string[]} positionals
 * @param {string[]} names of those that must be there
 * @param {boolean} [more] true if more may follow
 */
function expect(positionals, names, more = false) {
  const missing = names[positionals.length]
  if (missing !== undefined) throw usageError(`${missing} is missing.`)
  const extra = positionals[names.length]
  if (!more && extra !== undefined) throw usageError(`There is an argument too many: ${shown(extra)}.`)
}

/** @param {string | boolean} text */
function shown(text) {
  const short = String(text)
  return `"${printable(short.length > 40 ? `${short.slice(0, 39)}…` : short)}"`
}

module.exports = { expect, oneOf, timeSpan, wholeNumber }
