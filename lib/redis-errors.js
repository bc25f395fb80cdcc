'use strict'

/** @import { Failure } from './handle.js' */

const { explainRedisRefusal } = require('./binding.js')

/**
 * Returns what a client's own error means.
 *
 * @param {unknown} error
 * @returns {Failure} without the cause
 */
function readClientError(error) {
  // A client may throw anything, also something that throws when it is looked at.
  try {
    return classify(error)
  } catch {
    return unavailable('the client reports an error')
  }
}

/**
 * @param {any} error
 * @returns {Failure}
 */
function classify(error) {
  const message = typeof error?.message === 'string' ? wordsOfServer(error.message) : ''
  if (/subscriber mode/.test(message)) {
    return unavailable('the client is in subscriber mode; give the storage a client of its own')
  }
  // An error reply of the server begins with a word in capitals: `READONLY You can't write against a read only replica.`
  if (/^[A-Z][A-Z0-9]+( |$)/.test(message) && !isSystemError(error)) {
    const { code, reason } = explainRedisRefusal(message)
    return { code, reason }
  }
  if (/timed out/i.test(message) || error?.name === 'TimeoutError') {
    return { code: 'ERR_STORAGE_TIMEOUT', reason: 'no reply in time, so whether it took effect is unknown' }
  }
  if (/Connection is closed|client is closed|Socket closed|isn't writeable/i.test(message) || isSystemError(error)) {
    return unavailable('the client is not connected')
  }
  return unavailable('the client reports an error')
}

/**
 * Returns an error reply as the server worded it. @upstash/redis appends the command, and with it the state; Valkey GLIDE
 * writes `WRONGTYPE: …`, and leaves out `ERR`.
 *
 * @param {string} message
 */
function wordsOfServer(message) {
  return message
    .replace(/, command was: .*$/s, '')
    .replace(/^Command failed: /, '')
    .replace(/^An error was signalled by the server: - ResponseError: /, 'ERR ')
    .replace(/^([A-Z][A-Z0-9]+): /, '$1 ')
}

/**
 * Returns whether the error is one of the system, such as `ECONNREFUSED`.
 *
 * @param {any} error
 */
function isSystemError(error) {
  return typeof error?.code === 'string' && /^E[A-Z]+$/.test(error.code)
}

/**
 * @param {string} reason
 * @returns {Failure}
 */
function unavailable(reason) {
  return { code: 'ERR_STORAGE_UNAVAILABLE', reason }
}

module.exports = { readClientError }
