'use strict'

/** @import { ScanAction, ScanOptions } from '../binding.js' */
/** @import { Call } from './errors.js' */
/** @import { Handle, Page } from './handle.js' */

const { setImmediate } = require('./primordials.js')
const { isTraced, trace } = require('./tracing.js')

const { parse } = JSON

/** How many conversations a page lists at most: parsing it takes about 0.1 ms. */
const LISTED = 500
/** How many a page counts or removes at most. Stores look at fewer where that would keep others waiting. */
const COUNTED = 10_000
const REMOVED = 100

/**
 * The conversations that are looked for.
 *
 * @typedef {object} Search
 * @property {string} prefix
 * @property {number | undefined} before ms since 1970
 * @property {number} limit
 * @property {AbortSignal | undefined} signal
 * @property {string | undefined} [cursor]
 */

/**
 * The way to the conversations of a storage, for one call.
 *
 * @typedef {object} Source
 * @property {Handle} handle
 * @property {number} ttl seconds
 * @property {Call} call
 * @property {'list' | 'count' | 'purge' | 'clear'} operation
 * @property {() => void} check throws if the storage was closed
 */

/**
 * Yields the pages of a look through the conversations.
 *
 * @param {Source} source
 * @param {ScanAction} action
 * @param {number} largest how many conversations a page has at most
 * @param {Search} search
 * @returns {AsyncGenerator<Page, void, undefined>}
 */
async function* pages(
  { handle, ttl, call, operation, check },
  action,
  largest,
  { prefix, before, limit, signal, cursor },
) {
  if (!handle.canList) {
    const reason = handle.whyNoList ?? 'this storage cannot look through its conversations'
    throw call.error('ERR_STORAGE_UNSUPPORTED', reason)
  }
  let left = limit
  for (;;) {
    check()
    if (signal?.aborted) throw signal.reason
    /** @type {ScanOptions} */
    const scan = { action, prefix, most: Math.min(left, largest) }
    if (before !== undefined) scan.before = before
    if (cursor !== undefined) scan.cursor = cursor
    const read = () => readPage(handle, ttl, call, scan)
    const page = await (isTraced() ? trace({ adapter: call.adapter, handle }, operation, read) : read())
    if (signal?.aborted) throw signal.reason
    yield page
    left -= page.matched
    if (page.cursor === null || left <= 0) return
    cursor = page.cursor
    // Pages that are here at once would keep the event loop from turning.
    if (handle.isImmediate) await new Promise((resolve) => setImmediate(() => resolve(undefined)))
  }
}

/**
 * @param {Handle} handle
 * @param {number} ttl
 * @param {Call} call
 * @param {ScanOptions} scan
 * @returns {Promise<Page>}
 */
async function readPage(handle, ttl, call, scan) {
  try {
    const result = /** @type {string | Page} */ (await handle.run({ kind: 'scan', id: '', ttl, scan }))
    return typeof result === 'string' ? parse(result) : result
  } catch (failure) {
    throw call.failure(failure)
  }
}

/**
 * Adds up the pages of a look through the conversations.
 *
 * @param {Source} source
 * @param {'count' | 'remove' | 'dryRun'} action
 * @param {Search} search
 */
async function total(source, action, search) {
  const sum = { matched: 0, kept: 0, unknown: 0 }
  for await (const page of pages(source, action, action === 'remove' ? REMOVED : COUNTED, search)) {
    sum.matched += page.matched
    sum.kept += page.kept
    sum.unknown += page.unknown
  }
  return sum
}

/** The conversations, a page at a time as they are asked for. */
class Listing {
  #pages
  /** @type {Page['found']} */
  #found = []
  #next = 0
  /** Where to go on once everything of this page was taken. @type {string | null} */
  #end = null
  /** Where the page begins. @type {string | null} */
  #begin
  /** @type {AbortSignal | undefined} */
  #signal
  /** True after the end, an error, `return` or `throw`: nothing follows, whatever the page has left. */
  #isDone = false
  /** The calls that wait, one after another. @type {Promise<unknown>} */
  #turn = Promise.resolve()

  /**
   * @param {() => { source: Source, search: Search, details: boolean }} begin checks the arguments, and throws what is wrong
   */
  constructor(begin) {
    this.#begin = /** @type {string | null} */ (null)
    this.#pages = this.#read(begin)
  }

  /** @param {() => { source: Source, search: Search, details: boolean }} begin */
  async *#read(begin) {
    const { source, search, details } = begin()
    this.#begin = search.cursor ?? null
    this.#signal = search.signal
    yield* pages(source, details ? 'list' : 'listIds', LISTED, search)
  }

  /** Where to go on in another process or request; `null` at the end. What was taken is not listed again once a page is taken whole. */
  get cursor() {
    return this.#next < this.#found.length ? this.#begin : this.#end
  }

  next() {
    return this.#after(() => this.#take())
  }

  /** @param {unknown} [value] */
  return(value) {
    return this.#after(async () => {
      await this.#finish()
      return { value: await value, done: true }
    })
  }

  /** @param {unknown} [error] */
  throw(error) {
    return this.#after(async () => {
      await this.#finish()
      throw error
    })
  }

  /**
   * Does `work` once the calls before it are over, as an async generator does.
   *
   * @template T
   * @param {() => Promise<T>} work
   */
  #after(work) {
    const result = inTurn(this.#turn, work)
    this.#turn = settled(result)
    return result
  }

  /** Fetches no further page. */
  #finish() {
    this.#isDone = true
    return this.#pages.return()
  }

  /** @returns {Promise<IteratorResult<Page['found'][number], undefined>>} */
  async #take() {
    while (!this.#isDone && this.#next === this.#found.length) {
      const { value, done } = await this.#pages.next()
      if (done) this.#isDone = true
      else this.#turnTo(value)
    }
    if (this.#isDone) return { value: undefined, done: true }
    if (this.#signal?.aborted) {
      await this.#finish()
      throw this.#signal.reason
    }
    return { value: /** @type {Page['found'][number]} */ (this.#found[this.#next++]), done: false }
  }

  /** @param {Page} page */
  #turnTo(page) {
    this.#begin = this.#end ?? this.#begin
    this.#found = page.found
    this.#next = 0
    this.#end = page.cursor
  }

  [Symbol.asyncIterator]() {
    return this
  }
}

/**
 * Does `work` after a promise. Awaits and does not chain, which would call a `Promise.prototype.then` that someone may have
 * replaced.
 *
 * @template T
 * @param {Promise<unknown>} before
 * @param {() => Promise<T>} work
 */
async function inTurn(before, work) {
  await before
  return work()
}

/**
 * Resolves once a promise is settled, whatever came of it.
 *
 * @param {Promise<unknown>} promise
 */
async function settled(promise) {
  try {
    await promise
  } catch {} // It is told to whoever has the promise.
}

module.exports = { Listing, total }
