'use strict'

/** @import { ConversationPlace, StoredContent } from './place-types.js' */
/** @import { Entered, Handle, Operation, Page, Result } from './handle.js' */

const { heldAt, isAlive, isRefreshDue, lockStep } = require('./binding.js')
const { scanPlace } = require('./custom-scan.js')
const { isFailure } = require('./errors.js')
const { KINDS } = require('./native-handle.js')

/** @typedef {{ change: Partial<StoredContent>, result?: Result }} Step the effect of an operation */

/**
 * Does operations on a place that the user wrote, one after another for each conversation.
 *
 * @implements {Handle}
 */
class CustomHandle {
  #place
  /** The last operation on each conversation that has not ended. @type {Map<string, Promise<unknown>>} */
  #tails = new Map()
  /** @type {'inline'} */
  mode = 'inline'
  modeReason = 'the place is a custom one'
  canLock = true
  canList
  whyNoList = 'the place of this storage has no function list()'

  /** @param {ConversationPlace} place */
  constructor(place) {
    this.#place = place
    this.canList = typeof place.list === 'function'
  }

  /**
   * @param {Operation} operation
   * @returns {Promise<Result>}
   */
  run(operation) {
    if (operation.kind === 'scan') return explained(() => this.#scan(operation))
    return this.#inOrder(operation.id, () => this.#perform(operation))
  }

  async close() {
    await Promise.all(this.#tails.values())
    await this.#place.close?.()
  }

  /** @param {string} id */
  location(id) {
    return this.#place.location?.(id) ?? 'the place of the storage'
  }

  /**
   * @template T
   * @param {string} id
   * @param {() => Promise<T>} perform
   * @returns {Promise<T>}
   */
  async #inOrder(id, perform) {
    const before = this.#tails.get(id)
    const outcome = explained(async () => {
      await before
      return perform()
    })
    const tail = outcome.then(ignore, ignore)
    this.#tails.set(id, tail)
    try {
      return await outcome
    } finally {
      if (this.#tails.get(id) === tail) this.#tails.delete(id)
    }
  }

  /**
   * @param {Operation} operation
   * @returns {Promise<Result>}
   */
  async #perform(operation) {
    const { kind, id, ttl = 0 } = operation
    if (kind === 'load' || kind === 'has') {
      const text = textOf(await this.#place.read(id), ttl)
      return kind === 'has' ? text !== undefined : text
    }
    /** @type {Result} */
    let result
    await this.#place.transact(id, (stored) => {
      const step = stepOf(operation, stored)
      result = step.result
      return step.change
    })
    return result
  }

  /**
   * @param {Operation} operation
   * @returns {Promise<Page>}
   */
  #scan({ ttl = 0, scan }) {
    const inOrder = (
      /** @type {string} */ id,
      /** @type {(stored: StoredContent) => Partial<StoredContent>} */ change,
    ) => this.#inOrder(id, () => this.#place.transact(id, change))
    return scanPlace(this.#place, inOrder, /** @type {NonNullable<typeof scan>} */ (scan), ttl)
  }
}

/**
 * Returns what an operation does with what is stored.
 *
 * @param {Operation} operation
 * @param {StoredContent} stored
 * @returns {Step}
 */
function stepOf({ kind, text, ttl = 0, condition = {} }, stored) {
  const now = Date.now()
  const found = textOf(stored, ttl)
  const lease = condition.lease ?? 0
  switch (kind) {
    case 'save':
      return { change: { text: /** @type {string} */ (text), updatedAt: now } }
    case 'delete':
      return { change: { text: null } }
    case 'touch':
      return { change: found === undefined ? {} : { updatedAt: now }, result: found !== undefined }
    case 'refresh': {
      const isDue = found !== undefined && isRefreshDue(stored.updatedAt ?? undefined, ttl, now)
      return { change: isDue ? { updatedAt: now } : {}, result: found }
    }
  }
  const step = lockStep(KINDS[kind], text, condition, stored.record ?? undefined, found)
  /** @type {Partial<StoredContent>} */
  const change = { record: step.record ?? null }
  const entered = /** @type {Entered} */ (step.result)
  if (step.writes && text === undefined) change.text = null
  else if (step.writes) Object.assign(change, { text, updatedAt: heldAt(now, ttl, lease, now) })
  else if (kind === 'enter' && entered.held && found !== undefined) {
    if (condition.wantsText) entered.text = found
    // While it is locked, it does not expire.
    if (stored.updatedAt != null) change.updatedAt = heldAt(stored.updatedAt, ttl, lease, now)
  }
  return { change, result: step.result }
}

/**
 * Returns the text of a conversation that is there and not expired.
 *
 * @param {Partial<StoredContent> | null} stored
 * @param {number} ttl
 */
function textOf(stored, ttl) {
  const { text = null, updatedAt } = stored ?? {}
  return text !== null && isAlive(updatedAt ?? undefined, ttl, Date.now()) ? text : undefined
}

/**
 * @template T
 * @param {() => Promise<T>} perform
 * @returns {Promise<T>}
 */
async function explained(perform) {
  try {
    return await perform()
  } catch (error) {
    if (isFailure(error)) throw error
    throw { code: 'ERR_STORAGE_UNAVAILABLE', reason: 'the place of the storage reports an error', cause: error }
  }
}

function ignore() {}

module.exports = { CustomHandle }
