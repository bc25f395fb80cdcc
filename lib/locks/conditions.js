'use strict'

/** @import { Comparison } from '../../binding.js' */
/** @import { Failure, Handle, Operation, Result } from '../handle.js' */

const { createHash } = require('node:crypto')

/** The stored text, as far as it is known: `null` for nothing, `undefined` if anything may be there. @typedef {string | null | undefined} Known */

const ETAG = /^[0-9a-f]{40}$/

/** The reasons of a refused write, by the word of `crates/store/src/lock/expected.rs`. @type {{ [word: string]: string }} */
const REASONS = {
  locked:
    'another process has the lock on it, because this one showed no sign of life for longer than the lease; nothing was changed',
  changed: 'it was changed by somebody else since it was loaded here; nothing was changed',
  deleted: 'it was deleted since it was loaded here; nothing was changed',
}

/**
 * Returns what names exactly this text: its SHA-1, which is what the scripts of Redis can compute.
 *
 * @param {string} text
 */
function etagOf(text) {
  return createHash('sha1').update(text).digest('hex')
}

/** @type {import('../options.js').Check<string | null>} */
const anEtag = (value) =>
  value === null || (typeof value === 'string' && ETAG.test(value))
    ? undefined
    : 'the etag of loadEntry(), or null if nothing must be stored'

/**
 * Returns the comparison with what is known.
 *
 * @param {Known} known
 * @returns {{ comparison: Comparison, expected?: string }}
 */
function compareWith(known) {
  if (known === undefined) return { comparison: 'anything' }
  if (known === null) return { comparison: 'absent' }
  return { comparison: 'text', expected: known }
}

/**
 * Returns the failure for a word by which a store refused a write of a lock's holder.
 *
 * @param {string} word
 * @returns {Failure}
 */
function conflict(word) {
  return { code: 'ERR_STORAGE_CONFLICT', reason: REASONS[word] ?? word }
}

/**
 * Returns the failure for a write with `ifMatch` that was refused.
 *
 * @param {Operation} operation
 * @returns {Failure}
 */
function mismatch({ condition }) {
  const reason =
    condition?.comparison === 'absent'
      ? 'it exists already; nothing was changed'
      : 'it is not what the option "ifMatch" names any more; nothing was changed'
  return { code: 'ERR_STORAGE_CONFLICT', reason }
}

/**
 * @param {{ readonly whyNoLocks?: string }} handle
 * @returns {Failure}
 */
function unsupported({ whyNoLocks = 'this storage has no locks and no conditional writes' }) {
  return { code: 'ERR_STORAGE_UNSUPPORTED', reason: whyNoLocks }
}

/**
 * Does a write with `ifMatch`, without a lock.
 *
 * @param {Handle} handle
 * @param {Operation} operation
 * @returns {Promise<Result>}
 */
async function writeIfMatch(handle, operation) {
  if (!handle.canLock) throw unsupported(handle)
  if (typeof (await handle.run(operation)) === 'string') throw mismatch(operation)
  return undefined
}

module.exports = { anEtag, compareWith, conflict, etagOf, mismatch, unsupported, writeIfMatch }
