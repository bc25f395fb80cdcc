'use strict'

const { isUint8Array } = require('node:util').types

const { Deadlines } = require('./deadlines.js')
const { isFailure } = require('./errors.js')
const { readClient } = require('./redis-client.js')
const { readClientError } = require('./redis-errors.js')

/**
 * Operations over the methods of the user's own Redis client, whatever it is. Retry policy, failover and offline queue
 * stay the client's. We never close it, select, authenticate or listen on it.
 */
class Bridge {
  #commands
  #prefix
  #ttl
  #deadlines
  #timeout
  /** The last operation on each key that has not ended; absent where the client itself keeps the order. */
  #tails
  #open = new Set()
  mode = 'bridge'
  /** Why operations go through the client. */
  modeReason
  /** Operations that the client has not answered, also those that were given up. */
  #unanswered = 0
  #onIdle

  /**
   * @param {object} client
   * @param {{ prefix: string, ttl: number, timeout: number, onIdle?: () => void }} options `ttl` in seconds, `timeout`
   *   in ms; `onIdle` is called when the client owes no answer any more
   */
  constructor(client, { prefix, ttl, timeout, onIdle = ignore }) {
    this.#commands = readClient(client, ttl)
    this.#prefix = prefix
    this.#ttl = ttl
    this.#timeout = timeout
    this.#onIdle = onIdle
    this.#deadlines = new Deadlines(timeout)
    // ioredis sends and answers in order. Elsewhere (a cluster redirects, a fake sleeps) two un-awaited saves of one
    // conversation could change places, so that each waits for the one before. `reconnectOnError` may send a command
    // again behind later ones.
    const inOrder = this.#commands.kind === 'ioredis' && !client.options?.reconnectOnError
    this.#tails = inOrder ? undefined : new Map()
  }

  get unanswered() {
    return this.#unanswered
  }

  save(id, text) {
    const key = this.#prefix + id
    return this.#enqueue(key, () => this.#commands.save(key, text, this.#ttl)).then(ignore)
  }

  async load(id) {
    const key = this.#prefix + id
    const answer = await this.#enqueue(key, () => this.#commands.load(key))
    if (answer === null || answer === undefined) return undefined
    if (typeof answer === 'string') return answer
    if (isUint8Array(answer)) return decode(answer, this.place(id))
    throw { code: 'ERR_STORAGE_CORRUPT', reason: `${this.place(id)} holds something that is no text` }
  }

  delete(id) {
    const key = this.#prefix + id
    return this.#enqueue(key, () => this.#commands.remove(key)).then(ignore)
  }

  /** Waits for what is pending. The client is the user's and stays open. */
  async close() {
    await Promise.allSettled([...this.#open])
  }

  place(id) {
    return `the key ${JSON.stringify(this.#prefix + id)}`
  }

  #enqueue(key, send) {
    const before = this.#tails?.get(key)
    const begin = () => this.#answered(start(send))
    this.#unanswered++
    const outcome = this.#bounded(() => (before === undefined ? begin() : before.then(begin)))
    this.#open.add(outcome)
    const tail = outcome.then(ignore, ignore)
    this.#tails?.set(key, tail)
    tail.then(() => {
      this.#open.delete(outcome)
      if (this.#tails?.get(key) === tail) this.#tails.delete(key)
    })
    return outcome
  }

  /** Notes the client's own answer, however late. */
  #answered(promise) {
    const note = () => {
      if (--this.#unanswered === 0) this.#onIdle()
    }
    promise.then(note, note)
    return promise
  }

  /**
   * The client's answer, or a time-out: with `autoResendUnfulfilledCommands: false` ioredis drops what is on its way
   * when a connection breaks, and those promises never settle.
   */
  #bounded(begin) {
    return new Promise((resolve, reject) => {
      const deadline = this.#deadlines.add(() => {
        const reason = `the client gave no answer within ${this.#timeout} ms, so whether it took effect is unknown`
        reject({ code: 'ERR_STORAGE_TIMEOUT', reason })
      })
      const settle = (finish) => (value) => {
        this.#deadlines.cancel(deadline)
        finish(value)
      }
      begin().then(settle(resolve), settle(reject))
    })
  }
}

/** Sends one command. Whatever goes wrong becomes a rejection with what `StorageError` needs. */
async function start(send) {
  let answer
  try {
    answer = send()
    if (typeof answer?.then !== 'function') {
      throw {
        code: 'ERR_STORAGE_INVALID_OPTIONS',
        reason: 'the client of the option "client" answers without a promise (by callbacks?)',
      }
    }
    answer = await answer
  } catch (error) {
    if (isFailure(error)) throw error
    throw { ...readClientError(error), cause: error }
  }
  if (isQueued(answer)) {
    throw {
      code: 'ERR_STORAGE_UNAVAILABLE',
      reason: 'the client is inside MULTI, which holds commands back; give the storage a client of its own',
    }
  }
  return answer
}

/** As text, or as bytes where the client answers with those. */
function isQueued(answer) {
  return (
    answer === 'QUEUED' || (isUint8Array(answer) && answer.length === 6 && Buffer.from(answer).toString() === 'QUEUED')
  )
}

function decode(bytes, place) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw { code: 'ERR_STORAGE_CORRUPT', reason: `${place} holds bytes that are no UTF-8` }
  }
}

function ignore() {}

module.exports = { Bridge }
