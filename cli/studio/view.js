'use strict'

/** The UTF-16 units of one message, one value and the raw text that are sent to the page at most. The whole text has a page of its own. */
const MESSAGE_UNITS = 20_000
const VALUE_UNITS = 2_000
const TEXT_UNITS = 100_000
/** The units of all messages together: a browser lays out this much within a moment. */
const HISTORY_UNITS = 1_000_000
/** How many slots are sent at most. */
const SLOTS = 500

/**
 * A text that may have been cut, with its whole length in UTF-16 units.
 *
 * @typedef {{ text: string, length: number }} Cut
 */

/**
 * The parts of a conversation that the page shows. A state is whatever somebody has stored: no member is sure to be there or of its type.
 *
 * @typedef {object} View
 * @property {string | undefined} problem why this is no state; the rest of a sentence
 * @property {{ name: string, value: string }[]} facts
 * @property {{ total: number, first: number, entries: { role: string, content: Cut }[] }} history the last ones; `first` is the
 *   number of those that were left out
 * @property {{ total: number, rows: { name: Cut, type: string, value: Cut }[] }} slots
 * @property {Cut} raw
 */

/**
 * Returns what the page shows of a stored text.
 *
 * @param {string} id
 * @param {string} text
 * @param {number} entries how many messages are shown at most
 * @returns {View}
 */
function viewOf(id, text, entries) {
  const { state, problem } = read(id, text)
  const { currentStep, ended, createdAt, updatedAt, history, slots } = state
  return {
    problem,
    facts: [
      ...fact('step', currentStep),
      ...fact('ended', ended),
      ...fact('created', createdAt),
      ...fact('updated', updatedAt),
    ],
    history: lastOf(history, entries),
    slots: rowsOf(slots),
    raw: cut(text, TEXT_UNITS),
  }
}

/**
 * @param {string} id
 * @param {string} text
 * @returns {{ state: Record<string, unknown>, problem: string | undefined }}
 */
function read(id, text) {
  let state
  try {
    state = JSON.parse(text)
  } catch {
    return { state: {}, problem: 'it is not JSON' }
  }
  if (state === null || typeof state !== 'object' || Array.isArray(state) || !Object.hasOwn(state, 'conversationId')) {
    return { state: {}, problem: 'it is JSON, but no conversation state' }
  }
  // An own member of another type is shown; one that is inherited, as by `__proto__`, cannot come from JSON.parse.
  return { state, problem: state.conversationId === id ? undefined : 'it is the state of another conversation' }
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function fact(name, value) {
  return value === undefined ? [] : [{ name, value: cut(asText(value), VALUE_UNITS).text }]
}

/**
 * @param {unknown} history
 * @param {number} most
 * @returns {View['history']}
 */
function lastOf(history, most) {
  if (!Array.isArray(history)) {
    const entries = history === undefined ? [] : [asEntry(history)]
    return { total: entries.length, first: 0, entries }
  }
  /** @type {View['history']['entries']} */
  const entries = []
  let first = history.length
  let left = HISTORY_UNITS
  while (first > 0 && entries.length < most && left > 0) {
    const entry = asEntry(history[--first])
    left -= entry.content.text.length
    entries.push(entry)
  }
  return { total: history.length, first, entries: entries.reverse() }
}

/**
 * @param {any} entry
 * @returns {View['history']['entries'][number]}
 */
function asEntry(entry) {
  const isUsual = typeof entry?.role === 'string' && typeof entry.content === 'string'
  if (isUsual) return { role: cut(entry.role, 40).text, content: cut(entry.content, MESSAGE_UNITS) }
  // Somebody's own format, as with tools or pictures: a row of it is better than none.
  const role = typeof entry?.role === 'string' ? cut(entry.role, 40).text : ''
  return { role, content: cut(asText(entry), MESSAGE_UNITS) }
}

/**
 * @param {unknown} slots
 * @returns {View['slots']}
 */
function rowsOf(slots) {
  if (slots === undefined) return { total: 0, rows: [] }
  const isUsual = slots !== null && typeof slots === 'object'
  const pairs = isUsual ? Object.entries(slots) : [['', slots]]
  const rows = pairs.slice(0, SLOTS).map(([name, value]) => ({
    name: cut(String(name), 200),
    type: value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value,
    value: cut(asText(value), VALUE_UNITS),
  }))
  return { total: pairs.length, rows }
}

/** @param {unknown} value */
function asText(value) {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value)
  } catch {
    // V8 reads more levels than it writes.
    return '(nested too deep to be shown here)'
  }
}

/**
 * @param {string} text
 * @param {number} most units
 * @returns {Cut}
 */
function cut(text, most) {
  if (text.length <= most) return { text, length: text.length }
  // Not through the middle of a pair: half an emoji is a character that was never there.
  const isPair = (text.codePointAt(most - 1) ?? 0) > 0xffff
  return { text: text.slice(0, isPair ? most - 1 : most), length: text.length }
}

module.exports = { viewOf }
