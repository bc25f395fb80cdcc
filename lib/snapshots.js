'use strict'

/** @import { Failure, Handle, Result } from './handle.js' */

const { types } = require('node:util')

const { SnapshotTable } = require('./binding.js')
const { ownCopy } = require('./own-copy.js')
const { LIMITS } = require('./short-limits.js')
const { ShortLoad, ShortSave } = require('./short-operations.js')

// Taken when the package is loaded, as in `lib/state.js`.
const { getPrototypeOf, hasOwn, prototype: OBJECT } = Object
const { isArray, prototype: ARRAY } = Array
const { isProxy } = types

/** In bytes. */
const DEFAULT_ROOM = 16 * 1024 * 1024

/** How many ids of conversations that are not remembered yet are kept, twice. */
const MOST_SEEN = 4096

/** One of so many conversations is remembered that would not be, so that none has to wait forever. */
const EXCEPTIONS = 32

/** What an entry costs beside its text, in bytes: two pointers, two string headers, and the keys in the native half. */
const BYTES_PER_ENTRY = 100

/** The largest number of the native half. */
const LARGEST_NUMBER = 2 ** 32 - 1

/** @typedef {InstanceType<typeof ShortSave>} Save */

/** What is remembered of one conversation: the entries that its history began with, as this thread has them. */
class Snapshot {
  /** @param {string} id */
  constructor(id) {
    this.id = ownCopy(id)
  }

  /** Of the native half, which has the same entries as JSON text. */
  number = 0
  /**
   * Role and content of each entry, in turns. It only ever grows at the end, since loads in flight look into it; what else
   * changes it makes a new array.
   *
   * @type {string[]}
   */
  strings = []
  /** Counts the changes. */
  version = 0
  /** In bytes of both halves, roughly. */
  cost = 0
  /** When it was used last, in operations. */
  usedAt = 0
}

/**
 * The entries of histories that JavaScript and native code both remember, so that only the others cross between them. It is
 * no cache of what is stored: what is remembered may be long out of date, and then only saves less work.
 */
class Snapshots {
  table = new SnapshotTable()
  #room
  #handle
  #used = 0
  /** Loads and saves that left something out. */
  hits = 0
  #numbers = 0
  /** By the conversation's id, the least recently used first. @type {Map<string, Snapshot>} */
  #snapshots = new Map()
  /** Counts the operations. */
  #now = 0
  /** Conversations that are not remembered, and when they were seen first: most never have a second operation. @type {Map<string, number>} */
  #seen = new Map()
  /** The ones before. @type {Map<string, number>} */
  #seenBefore = new Map()
  #refused = 0

  /**
   * @param {number} room in bytes
   * @param {Pick<Handle, 'mode'>} handle
   */
  constructor(room, handle) {
    this.#room = room
    this.#handle = handle
  }

  /**
   * Returns the state of a save as an object to be written in its place. `undefined` if it is to be written itself.
   *
   * @param {string} id
   * @param {{ history?: unknown }} state
   */
  shorten(id, state) {
    let snapshot = this.#find(id)
    if (snapshot === undefined) {
      if (!this.#isWanted(id)) return undefined
      snapshot = new Snapshot(id)
    }
    if (isProxy(state) || isArray(state) || getPrototypeOf(state) !== OBJECT || 'toJSON' in state) return undefined
    // From here on every value is read once: a getter may return another one the next time.
    const copy = { ...state }
    const save = new ShortSave(this, id, snapshot, copy)
    const { history } = copy
    if (!hasOwn(copy, 'history') || isProxy(history) || !isArray(history)) return save
    // What is written in its place is an array of this realm.
    if (!('toJSON' in history || 'toJSON' in ARRAY)) copy.history = save.leaveOut(history)
    return save
  }

  /**
   * Returns what makes a load short; `undefined` if nothing of the conversation is remembered.
   *
   * @param {string} id
   */
  baseOf(id) {
    const snapshot = this.#find(id)
    return snapshot === undefined ? undefined : new ShortLoad(this, snapshot)
  }

  /**
   * Remembers the entries of a state that was loaded whole, if the conversation was seen before.
   *
   * @param {string} id
   * @param {string} text
   * @param {any} state
   */
  loaded(id, text, state) {
    if (!isArray(state.history) || text.length < LIMITS.leastUnits || this.#find(id) !== undefined) return
    if (!this.#isWanted(id)) {
      this.saw(id, text)
      return
    }
    const snapshot = new Snapshot(id)
    const save = new ShortSave(this, id, snapshot, {})
    save.leaveOut(state.history)
    if (save.added.length === 0) return
    snapshot.number = this.#nextNumber()
    try {
      this.table.remember(snapshot.number, save.added.length / 2, text)
    } catch {
      // Another program wrote it, with other escapes.
      this.table.forget(snapshot.number)
      return
    }
    this.#commit(save)
  }

  /**
   * Notes that a conversation was saved or loaded whole, so that the next operation may remember it.
   *
   * @param {string} id
   * @param {string} text of its state
   */
  saw(id, text) {
    // What will not travel short need not be taken apart the next time.
    if (text.length < LIMITS.leastUnits || this.#seenAt(id) !== undefined) return
    this.#seen.set(ownCopy(id), this.#now)
    if (this.#seen.size < MOST_SEEN) return
    this.#seenBefore = this.#seen
    this.#seen = new Map()
  }

  /**
   * Forgets a conversation.
   *
   * @param {string} id
   */
  forget(id) {
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) return
    this.#snapshots.delete(id)
    this.#used -= snapshot.cost
    this.table.forget(snapshot.number)
  }

  /** Returns how much is remembered. */
  usage() {
    return { conversations: this.#snapshots.size, bytes: this.#used, hits: this.hits }
  }

  clear() {
    this.#snapshots.clear()
    this.#used = 0
    this.table.clear()
  }

  /**
   * Hands a short save over. Returns `undefined` in place of the result if it has to travel whole.
   *
   * @param {Save} save
   * @param {(number: number) => Result | Failure | Promise<Result>} submit
   * @returns {{ result: Result | Failure | Promise<Result> } | undefined}
   */
  hand(save, submit) {
    const { id, snapshot, version } = save
    // A getter or `toJSON` of the state may have saved the same conversation in between.
    const known = this.#snapshots.get(id)
    if (snapshot.version !== version || known !== (snapshot.number === 0 ? undefined : snapshot)) return undefined
    if (snapshot.number === 0) snapshot.number = this.#nextNumber()
    try {
      const { added } = save
      // Those of a load are their own already: `JSON.parse` made them.
      for (let at = 0; at < added.length; at++) added[at] = ownCopy(/** @type {string} */ (added[at]))
      const result = submit(snapshot.number)
      if (save.count > 0) this.hits++
      this.#commit(save)
      return { result }
    } catch {
      // It was not handed over. As it cannot be shortened, nothing of it can be relied on.
      this.forget(id)
      this.table.forget(snapshot.number)
      return undefined
    }
  }

  /** @param {Save} save */
  #commit({ snapshot, first, count, added }) {
    const before = snapshot.cost
    if (first === 0 && 2 * count === snapshot.strings.length) {
      for (let index = 0; index < added.length; index++) snapshot.strings.push(/** @type {string} */ (added[index]))
      snapshot.cost += costOf(added)
    } else {
      snapshot.strings = snapshot.strings.slice(2 * first, 2 * (first + count)).concat(added)
      snapshot.cost = costOf(snapshot.strings)
    }
    snapshot.version++
    snapshot.usedAt = this.#now
    this.#snapshots.set(snapshot.id, snapshot)
    this.#used += snapshot.cost - before
    // For all the others there would be no room any more, and then neither for itself.
    if (snapshot.cost > this.#room) this.forget(snapshot.id)
    while (this.#used > this.#room) this.forget(/** @type {string} */ (this.#snapshots.keys().next().value))
  }

  /** @param {string} id */
  #find(id) {
    this.#now++
    const snapshot = this.#snapshots.get(id)
    if (snapshot !== undefined) {
      snapshot.usedAt = this.#now
      // To the end of the line of those that are dropped.
      this.#snapshots.delete(id)
      this.#snapshots.set(snapshot.id, snapshot)
    }
    return snapshot
  }

  /**
   * Returns whether a conversation that is not remembered is to be. On the user's object each text is needed whole.
   *
   * If more of them take turns than there is room for, each would be dropped before its next turn, and remembered in vain. So
   * none takes the room of another that was used since it was seen itself (measured, 64 conversations of 100 KB in SQLite, for
   * half of which there is room: 354 us of the main thread a turn instead of 1,321).
   *
   * @param {string} id
   */
  #isWanted(id) {
    const seenAt = this.#seenAt(id)
    if (seenAt === undefined || this.#handle.mode !== 'native') return false
    const [oldest] = this.#snapshots.values()
    if (oldest === undefined || this.#used + oldest.cost <= this.#room || oldest.usedAt <= seenAt) return true
    return ++this.#refused % EXCEPTIONS === 0
  }

  /** @param {string} id */
  #seenAt(id) {
    return this.#seen.get(id) ?? this.#seenBefore.get(id)
  }

  #nextNumber() {
    // Numbers are never used twice: two conversations would share their entries.
    if (this.#numbers === LARGEST_NUMBER) {
      this.clear()
      this.#numbers = 0
    }
    return ++this.#numbers
  }
}

/** @param {string[]} strings */
function costOf(strings) {
  let units = 0
  for (let at = 0; at < strings.length; at++) units += /** @type {string} */ (strings[at]).length
  return 3 * units + (BYTES_PER_ENTRY * strings.length) / 2
}

/**
 * @param {Pick<Handle, 'mode'>} handle
 * @param {number} [bytes]
 */
function openSnapshots(handle, bytes = DEFAULT_ROOM) {
  return bytes === 0 ? undefined : new Snapshots(bytes, handle)
}

module.exports = { Snapshot, Snapshots, openSnapshots }
