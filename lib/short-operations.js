'use strict'

/** @import { Operation, ShortHandle } from './handle.js' */

const { Kind } = require('./binding.js')
const { LIMITS } = require('./short-limits.js')

// Taken when the package is loaded, as in `lib/state.js`.
const { stringify: writeJson } = JSON
const { valueOf: VALUE_OF, hasOwnProperty: HAS_OWN } = Object.prototype
const { apply: call } = Reflect
const { isArray } = Array
const { byteLength } = Buffer
/** @type {(text: string) => boolean} */
const isWellFormed = Function.prototype.call.bind(String.prototype.isWellFormed)

/** @typedef {InstanceType<typeof import('./snapshots.js').Snapshots>} Snapshots */
/** @typedef {InstanceType<typeof import('./snapshots.js').Snapshot>} Snapshot */

/** A save whose state lacks the entries that are remembered. */
class ShortSave {
  #snapshots
  /** Whether the history has entries that are not left out. */
  #isFollowed = false
  /** Whether it was tried to hand it over. */
  #wasRun = false
  /** The JSON of `state`, once it is written. */
  text = ''
  /** How many entries were left out, and the number of the first. */
  first = 0
  count = 0
  /** Role and content of the entries that follow them and can be remembered, in turns. @type {string[]} */
  added = []

  /**
   * @param {Snapshots} snapshots
   * @param {string} id
   * @param {Snapshot} snapshot
   * @param {object} state what is written in place of the user's object
   */
  constructor(snapshots, id, snapshot, state) {
    this.#snapshots = snapshots
    this.id = id
    this.snapshot = snapshot
    this.version = snapshot.version
    this.strings = snapshot.strings
    this.state = state
  }

  /** Returns whether anything is gained. */
  get isWorth() {
    return this.count > 0 || (this.added.length > 0 && this.text.length >= LIMITS.leastUnits)
  }

  /**
   * Returns the history without the entries that are remembered. Those that can be remembered are new objects: what is
   * written and what is remembered must be the same, whatever a getter returns.
   *
   * @param {any[]} history
   */
  leaveOut(history) {
    const { strings, added } = this
    const known = strings.length
    const { length } = history
    const rest = []
    let at = -1
    let isKnown = known > 0
    let isPlain = true
    for (let index = 0; index < length; index++) {
      const entry = history[index]
      isPlain = isPlain && isPlainEntry(entry)
      if (!isPlain) {
        rest.push(this.count > 0 ? numbered(entry, index) : entry)
        continue
      }
      const { role, content } = entry
      if (isKnown) {
        if (index === 0) {
          at = find(strings, role, content)
          this.first = at / 2
        }
        if (at >= 0 && at < known && role === strings[at] && content === strings[at + 1]) {
          at += 2
          this.count++
          continue
        }
        isKnown = false
      }
      rest.push({ role, content })
      isPlain = typeof role === 'string' && typeof content === 'string' && isWellFormed(role) && isWellFormed(content)
      if (isPlain) added.push(role, content)
    }
    if (this.count === 0) this.first = 0
    this.#isFollowed = rest.length > 0
    return rest
  }

  /**
   * @param {ShortHandle} native
   * @param {Operation} operation
   * @param {string} key
   * @param {number} now ms since 1970
   */
  run(native, { ttl }, key, now) {
    this.#wasRun = true
    return this.#snapshots.hand(this, (number) => {
      const { first, count, added, text } = this
      return native.saveShort(this.#snapshots.table, number, first, count, added.length / 2, key, text, ttl, now)
    })
  }

  /** The bytes of the whole text. */
  get size() {
    const { snapshot, version, first, count, text } = this
    if (count === 0) return byteLength(text)
    const isCurrent = snapshot.version === version
    const left = isCurrent ? this.#snapshots.table.sizeOf(snapshot.number, first, count) : null
    if (left === null) return byteLength(this.whole())
    // A comma stands between what was left out and what was not.
    return byteLength(text) + left + (this.#isFollowed ? 1 : 0)
  }

  /** Returns the JSON of the whole state, for a handle that needs it. */
  whole() {
    const { strings, first, count, text } = this
    // The next save would be put together in vain as well, as long as operations go to the user's object.
    if (!this.#wasRun) this.#snapshots.forget(this.id)
    if (count === 0) return text
    const entries = []
    for (let at = 2 * first; at < 2 * (first + count); at += 2) {
      entries.push(`{"role":${writeJson(strings[at])},"content":${writeJson(strings[at + 1])}}`)
    }
    // No `JSON.parse` of what is there: it loses digits that `JSON.rawJSON` has written.
    return this.#snapshots.table.whole(`{"history":[${entries.join()}]}`, count, text)
  }
}

/** A load whose result may lack the entries that are remembered. */
class ShortLoad {
  #snapshots
  #snapshot
  /** As they were when the load was handed over: native code compares with the same. @type {string[]} */
  #strings = []

  /**
   * @param {Snapshots} snapshots
   * @param {Snapshot} snapshot
   */
  constructor(snapshots, snapshot) {
    this.#snapshots = snapshots
    this.#snapshot = snapshot
  }

  /**
   * @param {ShortHandle} native
   * @param {Operation} operation
   * @param {string} key
   * @param {number} now ms since 1970
   */
  run(native, { kind, ttl }, key, now) {
    const { number, strings } = this.#snapshot
    this.#strings = strings
    const isRefresh = kind === 'refresh'
    const result = native.loadShort(this.#snapshots.table, number, isRefresh ? Kind.Refresh : Kind.Load, key, ttl, now)
    return { result }
  }

  /**
   * Puts the entries that are remembered into a state that lacks them.
   *
   * @param {any} state
   * @param {number} first
   * @param {number} count
   */
  restore(state, first, count) {
    restore(state, this.#strings, first, count)
  }
}

/**
 * @param {{ history: unknown[] }} state
 * @param {string[]} strings
 * @param {number} first
 * @param {number} count
 */
function restore(state, strings, first, count) {
  const rest = state.history
  const history = new Array(count + rest.length)
  for (let index = 0; index < count; index++) {
    const at = 2 * (first + index)
    history[index] = { role: strings[at], content: strings[at + 1] }
  }
  for (let index = 0; index < rest.length; index++) history[count + index] = rest[index]
  state.history = history
}

/**
 * Returns the place of an entry; -1 if it is not there.
 *
 * @param {string[]} strings
 * @param {unknown} role
 * @param {unknown} content
 */
function find(strings, role, content) {
  for (let at = 0; at < strings.length; at += 2) {
    if (content === strings[at + 1] && role === strings[at]) return at
  }
  return -1
}

/**
 * Returns what is written in place of an entry whose number in the array is another one then: its `toJSON` is told the number.
 *
 * @param {any} entry
 * @param {number} index
 */
function numbered(entry, index) {
  // Of these alone `JSON.stringify` asks for one.
  if (entry === null || (typeof entry !== 'object' && typeof entry !== 'function' && typeof entry !== 'bigint'))
    return entry
  const { toJSON } = entry
  return typeof toJSON === 'function' ? { toJSON: () => call(toJSON, entry, [`${index}`]) } : entry
}

/**
 * Returns whether `JSON.stringify` writes the entry as its `role` and its `content`, in this order, and nothing else.
 *
 * @param {any} entry
 */
function isPlainEntry(entry) {
  // No `Number` or the like, which is written as its value. To ask for the prototype would take four times as long.
  if (typeof entry !== 'object' || entry === null || entry.valueOf !== VALUE_OF || isArray(entry)) return false
  let keys = 0
  for (const key in entry) {
    // An inherited one is not written. V8 has a fast path for this form of the question.
    if (key !== (keys === 0 ? 'role' : 'content') || !HAS_OWN.call(entry, key)) return false
    keys++
  }
  return keys === 2 && entry.toJSON === undefined
}

module.exports = { ShortLoad, ShortSave }
