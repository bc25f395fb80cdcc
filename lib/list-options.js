'use strict'

/** @import { Call } from './errors.js' */
/** @import { Search } from './listing.js' */

const { aSignal, readMethodOptions } = require('./locks/options.js')
const { aBoolean, aString, aWholeNumber } = require('./options.js')

/** The largest time of a `Date`, in ms. */
const LATEST = 8_640_000_000_000_000

/** @type {import('./options.js').Check<number>} */
const aTime = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= LATEST
    ? undefined
    : 'a time in milliseconds since 1970, as Date.now() returns it'

/** @type {import('./options.js').Check<number>} */
const seconds = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value * 1_000 <= LATEST
    ? undefined
    : 'a number of seconds, 0 or more'

/** @type {import('./options.js').Check<string>} */
const aCursor = (value) =>
  typeof value === 'string' && value !== '' && value.isWellFormed() && value.length <= 10_000
    ? undefined
    : 'the cursor of an earlier list()'

/** @type {import('./options.js').Check<true>} */
const isTrue = (value) => (value === true ? undefined : 'true, or left out')

const aLimit = aWholeNumber(1, Number.MAX_SAFE_INTEGER)

const LIST_CHECKS = {
  prefix: aString,
  updatedBefore: aTime,
  limit: aLimit,
  cursor: aCursor,
  details: aBoolean,
  signal: aSignal,
}
const COUNT_CHECKS = { prefix: aString, signal: aSignal }
const PURGE_CHECKS = { olderThan: seconds, prefix: aString, limit: aLimit, dryRun: aBoolean, signal: aSignal }
const CLEAR_CHECKS = { all: isTrue, prefix: aString }

/** @type {Search} */
const EVERYTHING = { prefix: '', before: undefined, limit: Number.POSITIVE_INFINITY, signal: undefined }

/**
 * @param {Call} call
 * @param {unknown} given
 */
function readListOptions(call, given) {
  const { updatedBefore, details = true, ...rest } = readMethodOptions(call, 'list()', given, LIST_CHECKS)
  return { search: { ...EVERYTHING, before: updatedBefore, ...rest }, details }
}

/**
 * @param {Call} call
 * @param {unknown} given
 * @returns {Search}
 */
function readCountOptions(call, given) {
  return { ...EVERYTHING, ...readMethodOptions(call, 'count()', given, COUNT_CHECKS) }
}

/**
 * @param {Call} call
 * @param {unknown} given
 */
function readPurgeOptions(call, given) {
  const { olderThan, dryRun = false, ...rest } = readMethodOptions(call, 'purge()', given, PURGE_CHECKS)
  if (olderThan === undefined) {
    throw call.error('ERR_STORAGE_INVALID_OPTIONS', 'purge() needs the option "olderThan", in seconds')
  }
  return { search: { ...EVERYTHING, before: Math.max(0, Date.now() - olderThan * 1_000), ...rest }, dryRun }
}

/**
 * @param {Call} call
 * @param {unknown} given
 * @returns {Search}
 */
function readClearOptions(call, given) {
  const { all, prefix } = readMethodOptions(call, 'clear()', given, CLEAR_CHECKS)
  // A variable that is not set must not delete everything.
  if ((all === undefined) === (prefix === undefined) || prefix === '') {
    const reason = 'clear() needs either { all: true } or { prefix } with a prefix that is not empty'
    throw call.error('ERR_STORAGE_INVALID_OPTIONS', reason)
  }
  return { ...EVERYTHING, prefix: prefix ?? '' }
}

module.exports = { readClearOptions, readCountOptions, readListOptions, readPurgeOptions }
