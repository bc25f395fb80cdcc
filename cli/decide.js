'use strict'

/** @import { Raw } from './raw.js' */

/**
 * The effect of copying one conversation: `new` and `replaced` write it, `renewed` makes an equal one as young as it is in FROM.
 *
 * @typedef {'new' | 'replaced' | 'renewed' | 'equal' | 'kept' | 'expired'} Effect
 * @typedef {'never' | 'older' | 'always'} Overwrite
 */

/** Ages that differ by less, in ms, tell nothing: some file systems keep even seconds, and Redis the time that is left. */
const CLOSE = 2_000

/** A time below this is none in ms: another program wrote seconds. */
const EARLIEST = 100_000_000_000

/**
 * Decides about a conversation that is in FROM.
 *
 * @param {Raw} from
 * @param {Raw | null} to what is in TO
 * @param {Overwrite} overwrite
 * @returns {Effect}
 */
function decide(from, to, overwrite) {
  if (to === null) return 'new'
  if (to.text === from.text) {
    const isYounger = isLater(from.updatedAt, to.updatedAt) || isLater(from.expiresAt, to.expiresAt)
    return isYounger && overwrite !== 'never' ? 'renewed' : 'equal'
  }
  if (overwrite === 'always') return 'replaced'
  return overwrite === 'older' && isNewer(from, to) ? 'replaced' : 'kept'
}

/**
 * Returns whether a conversation was certainly saved later than the other.
 *
 * @param {Raw} one
 * @param {Raw} other
 */
function isNewer(one, other) {
  const byPlace = difference(one.updatedAt, other.updatedAt)
  if (Math.abs(byPlace) > CLOSE) return byPlace > 0
  return (difference(savedAt(one.text), savedAt(other.text)) || byPlace) > 0
}

/**
 * Returns the time that a state says of itself; `null` if it says none in ms.
 *
 * @param {string} text
 * @returns {number | null}
 */
function savedAt(text) {
  try {
    return timeOf(JSON.parse(text)?.updatedAt)
  } catch {
    return null
  }
}

/** @param {unknown} value */
function timeOf(value) {
  return typeof value === 'number' && value >= EARLIEST && value <= Number.MAX_SAFE_INTEGER ? Math.trunc(value) : null
}

/**
 * @param {number | null} one
 * @param {number | null} other
 */
function difference(one, other) {
  return one === null || other === null ? 0 : one - other
}

/**
 * @param {number | null} one
 * @param {number | null} other
 */
function isLater(one, other) {
  return difference(one, other) > CLOSE
}

/**
 * Returns the age to keep in a store whose conversations expire after `ttl` seconds; 0 for never.
 *
 * @param {Raw} from
 * @param {number} ttl
 * @param {number} now
 */
function ageThere({ text, updatedAt, expiresAt }, ttl, now) {
  const time = ttl * 1_000
  const left = expiresAt !== null && ttl > 0 ? expiresAt - time : null
  const saved = updatedAt ?? left ?? savedAt(text) ?? undefined
  const expires = expiresAt ?? (ttl > 0 ? (saved ?? now) + time : undefined)
  return { updatedAt: saved, expiresAt: expires }
}

module.exports = { ageThere, decide, savedAt, timeOf }
