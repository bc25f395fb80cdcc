'use strict'

/** @import { StoredConversation } from '../../lib/list-types.js' */
/** @import { Report } from './report.js' */

const { forEach } = require('../each.js')
const { readRaw, stateOf } = require('../raw.js')

/** By so many milliseconds a clock may be ahead. */
const AHEAD = 60_000

/**
 * Reads all states.
 *
 * @param {any} storage
 * @param {InstanceType<typeof Report>} report
 * @param {{ signal: AbortSignal, seen: (found: StoredConversation) => void }} options
 */
async function checkStates(storage, report, { signal, seen }) {
  try {
    await forEach(storage.list({ signal }), async (/** @type {StoredConversation} */ found) => {
      report.conversations++
      seen(found)
      checkAge(report, found.id, found.updatedAt)
      try {
        const raw = await readRaw(storage, found.id)
        if (raw !== null) stateOf(storage, found.id, raw.text)
      } catch (error) {
        cannotRead(report, found.id, error)
      }
    })
  } catch (/** @type {any} */ error) {
    // A damaged file cannot be read on.
    if (error.code !== 'ERR_STORAGE_CORRUPT') throw error
    report.problem('damaged', error.message)
  }
}

/**
 * @param {InstanceType<typeof Report>} report
 * @param {string} example
 * @param {any} error
 */
function cannotRead(report, example, error) {
  if (error.code === 'ERR_STORAGE_DENIED') report.problem('denied', 'It is not permitted to read this state.', example)
  else if (error.code === 'ERR_STORAGE_CORRUPT') {
    report.problem('corrupt', 'This state cannot be read. The next save replaces it; "rm" deletes it.', example)
  } else throw error
}

/**
 * @param {InstanceType<typeof Report>} report
 * @param {string} example
 * @param {number | null} updatedAt ms since 1970
 */
function checkAge(report, example, updatedAt) {
  if (updatedAt === null || updatedAt <= Date.now() + AHEAD) return
  report.problem('future', 'This was saved in the future, so it expires too late: a clock was wrong.', example)
}

module.exports = { cannotRead, checkAge, checkStates }
