'use strict'

/** @import { Operation, Result } from './handle.js' */
/** @import { RunStatement } from './sqlite-statement.js' */

const { refreshBefore } = require('./binding.js')
const { isConstraint, isLock, isReadOnly } = require('./sqlite-database.js')

/** @typedef {Operation & { now: number }} Timed */

/**
 * Renews the expiry of a conversation, and returns whether it is there.
 *
 * @param {RunStatement} run
 * @param {Timed} operation
 */
function touch(run, operation) {
  const isThere = run('has', operation) === true
  if (isThere) run('renew', operation)
  return isThere
}

/**
 * Loads a conversation, and renews its expiry if that is due. If it cannot be renewed, it is loaded all the same.
 *
 * @param {RunStatement} run
 * @param {Timed} operation
 * @returns {Result}
 */
function refresh(run, operation) {
  const text = run('load', operation)
  if (text === undefined || !isRefreshDue(run, operation)) return text
  try {
    run('renew', renewal(operation))
  } catch (error) {
    if (!isLock(error) && !isReadOnly(error) && !isConstraint(error)) throw error
  }
  return text
}

/**
 * Returns whether a load has to renew the expiry.
 *
 * @param {RunStatement} run
 * @param {Timed} operation
 */
function isRefreshDue(run, operation) {
  return Boolean(operation.ttl) && run('due', renewal(operation)) === true
}

/** @param {Timed} operation */
function renewal({ id, ttl = 0, now }) {
  return { id, ttl, now, renewBefore: refreshBefore(ttl, now) }
}

module.exports = { isRefreshDue, refresh, touch }
