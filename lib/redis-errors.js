'use strict'

const { explainRedisRefusal } = require('./binding.js')

/** @returns {{ code: string, reason: string }} what a client's own error means */
function readClientError(error) {
  // Whatever a client throws: it may be something that cannot be looked at.
  try {
    return classify(error)
  } catch {
    return unavailable('the client reports an error')
  }
}

function classify(error) {
  const message = typeof error?.message === 'string' ? error.message : ''
  if (/subscriber mode/.test(message)) {
    return unavailable('the client is in subscriber mode; give the storage a client of its own')
  }
  // An error answer of the server begins with a word in capitals: `READONLY You can't write against a read only replica.`
  if (/^[A-Z][A-Z0-9]+( |$)/.test(message) && !isSystemError(error)) {
    const { code, reason } = explainRedisRefusal(message)
    return { code, reason }
  }
  if (/timed out/i.test(message) || error?.name === 'TimeoutError') {
    return { code: 'ERR_STORAGE_TIMEOUT', reason: 'no answer in time, so whether it took effect is unknown' }
  }
  if (/Connection is closed|client is closed|Socket closed|isn't writeable/i.test(message) || isSystemError(error)) {
    return unavailable('the client is not connected')
  }
  return unavailable('the client reports an error')
}

/** `ECONNREFUSED` and the like. */
function isSystemError(error) {
  return typeof error?.code === 'string' && /^E[A-Z]+$/.test(error.code)
}

function unavailable(reason) {
  return { code: 'ERR_STORAGE_UNAVAILABLE', reason }
}

module.exports = { readClientError }
