'use strict'

/** @import { Raw } from './raw.js' */

const { savedAt, timeOf } = require('./decide.js')
const { CliError } = require('./failure.js')

const LINE_BREAK = /[\r\n]/

/**
 * Returns a conversation as a line of an export. `state` is the stored text as it is. One with line breaks, as `pretty` writes them, is
 * in `text` instead, as a string.
 *
 * @param {string} id
 * @param {Raw} raw
 */
function writeRecord(id, { text, updatedAt, expiresAt }) {
  const expires = expiresAt === null ? '' : `,"expiresAt":${expiresAt}`
  const content = LINE_BREAK.test(text) ? `"text":${JSON.stringify(text)}` : `"state":${text}`
  return `{"id":${JSON.stringify(id)},"updatedAt":${updatedAt ?? savedAt(text)}${expires},${content}}`
}

/**
 * Reads a line of an export. Throws a `CliError` that says what is wrong, and quotes nothing of a state.
 *
 * @param {string} line
 * @returns {{ id: string, raw: Raw }}
 */
function readRecord(line) {
  let record
  try {
    record = JSON.parse(line)
  } catch {
    throw new CliError('it is not JSON. It may have been cut off.')
  }
  if (record === null || typeof record !== 'object' || Array.isArray(record)) throw new CliError('it is no object.')
  const { id, text } = record
  if (typeof id !== 'string') throw new CliError('its "id" is not a text.')
  const hasState = Object.hasOwn(record, 'state')
  if (hasState === Object.hasOwn(record, 'text')) throw new CliError('it needs either "state" or "text".')
  if (!hasState && typeof text !== 'string') throw new CliError('its "text" is not a text.')
  const stored = hasState ? rawMember(line, 'state') : text
  if (idIn(hasState ? record.state : stored) !== id) {
    throw new CliError('it holds no state of the conversation that "id" names.')
  }
  const updatedAt = time(record, 'updatedAt')
  return { id, raw: { text: stored, updatedAt, expiresAt: time(record, 'expiresAt') } }
}

/**
 * Returns the id in a state, or in the text of one; `undefined` if there is none.
 *
 * @param {unknown} state
 */
function idIn(state) {
  try {
    const value = typeof state === 'string' ? JSON.parse(state) : state
    return Object.hasOwn(value, 'conversationId') ? value.conversationId : undefined
  } catch {
    return undefined
  }
}

/**
 * @param {any} record
 * @param {string} name
 */
function time(record, name) {
  const value = Object.hasOwn(record, name) ? (record[name] ?? null) : null
  if (value !== null && timeOf(value) === null) throw new CliError(`its "${name}" is no time in ms since 1970.`)
  return timeOf(value)
}

/**
 * Returns the JSON of a member of an object as it is written. Of several with one name the last counts, as for `JSON.parse`.
 *
 * @param {string} json valid, with this member
 * @param {string} name
 */
function rawMember(json, name) {
  let found = ''
  let at = json.indexOf('{') + 1
  for (;;) {
    at = json.indexOf('"', at)
    if (at < 0) return found
    const end = endOfString(json, at)
    const key = JSON.parse(json.slice(at, end))
    const begin = json.indexOf(':', end) + 1
    at = endOfValue(json, begin)
    if (key === name) found = json.slice(begin, at).trim()
  }
}

/**
 * Returns where the string that begins at `at` ends.
 *
 * @param {string} json
 * @param {number} at
 */
function endOfString(json, at) {
  for (let end = at + 1; ; end++) {
    end = json.indexOf('"', end)
    let backslashes = 0
    while (json[end - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return end + 1
  }
}

/**
 * Returns where the value from `at` on ends: at the comma or the bracket behind it.
 *
 * @param {string} json
 * @param {number} at
 */
function endOfValue(json, at) {
  const marks = /["{}[\],]/g
  marks.lastIndex = at
  let depth = 0
  for (let mark = marks.exec(json); mark !== null; mark = marks.exec(json)) {
    switch (mark[0]) {
      case '"':
        marks.lastIndex = endOfString(json, mark.index)
        break
      case '{':
      case '[':
        depth++
        break
      case ',':
        if (depth === 0) return mark.index
        break
      default:
        if (depth === 0) return mark.index
        depth--
    }
  }
  return json.length
}

module.exports = { readRecord, writeRecord }
