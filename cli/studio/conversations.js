'use strict'

/** @typedef {import('../../index.js').MemoryStorage} Storage any adapter: they all have its methods */

const { etagOf } = require('../../lib/locks/conditions.js')
const { Line } = require('./line.js')
const { newest } = require('./newest.js')
const { read } = require('./read.js')
const { viewOf } = require('./view.js')

/** How many conversations, and how many messages of one, a reply holds by default and at most. */
const LISTED = { usual: 200, most: 5_000 }
const ENTRIES = { usual: 100, most: 2_000 }

/** What the page asks for. Each kind of request has a line: however many come, one is worked on at a time. */
class Conversations {
  #storage
  #describe
  #scans = new Line()
  #loads = new Line()
  /** The scans that are under way or wait, by what they look for. @type {Map<string, Scan>} */
  #byKey = new Map()

  /**
   * @param {Storage} storage
   * @param {string} describe names the store
   */
  constructor(storage, describe) {
    this.#storage = storage
    this.#describe = describe
  }

  /**
   * Resolves with the newest conversations whose ids begin with `prefix`. Requests for the same share one scan. It ends early
   * if all who asked have gone away.
   *
   * @param {URLSearchParams} parameters
   * @param {AbortSignal} gone
   */
  async list(parameters, gone) {
    const prefix = parameters.get('prefix') ?? ''
    const most = within(LISTED, parameters.get('most'))
    const key = `${most} ${prefix}`
    const scan = this.#byKey.get(key) ?? this.#begin(key, prefix, most)
    scan.readers++
    gone.addEventListener('abort', () => {
      scan.readers--
      if (scan.readers === 0) scan.controller.abort()
    })
    return { store: this.#describe, ...(await scan.result) }
  }

  /**
   * @param {string} key
   * @param {string} prefix
   * @param {number} most
   */
  #begin(key, prefix, most) {
    const controller = new AbortController()
    const { signal } = controller
    const result = this.#scans.run(() => newest(this.#storage.list({ prefix, signal }), most))
    /** @type {Scan} */
    const scan = { readers: 0, controller, result }
    this.#byKey.set(key, scan)
    const end = () => {
      if (this.#byKey.get(key) === scan) this.#byKey.delete(key)
    }
    result.then(end, end)
    // A scan that nobody waits for any more is of no use for those who come later.
    signal.addEventListener('abort', end)
    return scan
  }

  /**
   * Resolves with what the page shows of a conversation, or with no more than its age if the page has it already.
   *
   * @param {URLSearchParams} parameters
   */
  view(parameters) {
    const id = parameters.get('id') ?? ''
    return this.#loads.run(async () => {
      const stored = await read(this.#storage, id)
      if (stored === null) return { isThere: false }
      const { text, problem, updatedAt, expiresAt } = stored
      const etag = etagOf(text)
      const known = { isThere: true, etag, updatedAt, expiresAt }
      if (etag === parameters.get('etag')) return { ...known, isUnchanged: true }
      const view = viewOf(id, text, within(ENTRIES, parameters.get('entries')))
      return { ...known, size: Buffer.byteLength(text), ...view, ...(problem === undefined ? {} : { problem }) }
    })
  }

  /**
   * Resolves with the stored text; `undefined` if there is none.
   *
   * @param {URLSearchParams} parameters
   */
  text(parameters) {
    return this.#loads.run(async () => (await read(this.#storage, parameters.get('id') ?? ''))?.text)
  }
}

/** @typedef {{ readers: number, controller: AbortController, result: Promise<import('./newest.js').Newest> }} Scan */

/**
 * @param {{ usual: number, most: number }} bounds
 * @param {string | null} given
 */
function within({ usual, most }, given) {
  const number = given !== null && /^\d{1,9}$/.test(given) ? Number(given) : usual
  return Math.min(Math.max(number, 1), most)
}

module.exports = { Conversations }
