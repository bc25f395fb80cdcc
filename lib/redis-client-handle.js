'use strict'

/** @import { Operation, Result, UserHandle } from './handle.js' */
/** @import { Command, readClient } from './redis-client-commands.js' */

const { isUint8Array } = require('node:util').types

const { Deadlines } = require('./deadlines.js')
const { isFailure } = require('./errors.js')
const { readClientError } = require('./redis-errors.js')

/**
 * Does operations with the methods of the user's own Redis client, whatever it is. Retry policy, failover and offline queue
 * stay the client's. Never closes it, selects, authenticates or listens on it.
 *
 * @implements {UserHandle}
 */
class RedisClientHandle {
  #client
  #commands
  #prefix
  #deadlines
  #timeout
  /** The last operation on each key that has not ended; `undefined` if the client itself keeps the order. */
  #tails
  /** @type {Set<Promise<unknown>>} */
  #open = new Set()
  /** Operations that the client has not settled, also those that were given up. */
  #unsettled = 0
  /** @type {'inline'} */
  mode = 'inline'
  modeReason
  /** @type {(() => void) | undefined} */
  onRest

  /**
   * @param {any} client
   * @param {ReturnType<typeof readClient>} shape
   * @param {{ prefix: string, timeout: number, modeReason: string }} settings `timeout` in ms
   */
  constructor(client, { kind, commands }, { prefix, timeout, modeReason }) {
    this.#client = client
    this.#commands = commands
    this.#prefix = prefix
    this.#timeout = timeout
    this.modeReason = modeReason
    this.#deadlines = new Deadlines(timeout)
    // ioredis sends and receives in order. Elsewhere (a cluster redirects, a fake sleeps) two un-awaited saves of one
    // conversation could change places, so each waits for the one before. `reconnectOnError` may send a command again
    // behind later ones.
    const inOrder = kind === 'ioredis' && !client.options?.reconnectOnError
    /** @type {Map<string, Promise<void>> | undefined} */
    this.#tails = inOrder ? undefined : new Map()
  }

  /**
   * @param {Operation} operation
   * @returns {Promise<Result>}
   */
  async run(operation) {
    const command = this.#commands[operation.kind]
    const key = this.#prefix + operation.id
    const reply = await this.#enqueue(key, () => command.call(this.#client, key, operation))
    return command.read(reply, () => this.location(operation.id))
  }

  isAtRest() {
    return this.#unsettled === 0
  }

  /** Waits for what is pending. The client is the user's and stays open. */
  async close() {
    await Promise.allSettled([...this.#open])
  }

  /** @param {string} id */
  location(id) {
    return `the key ${JSON.stringify(this.#prefix + id)}`
  }

  /**
   * @param {string} key
   * @param {() => unknown} send
   */
  #enqueue(key, send) {
    const before = this.#tails?.get(key)
    const begin = () => this.#noteSettled(start(send))
    this.#unsettled++
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

  /**
   * Counts when the client settles, however late.
   *
   * @param {Promise<unknown>} promise
   */
  #noteSettled(promise) {
    const note = () => {
      if (--this.#unsettled === 0) this.onRest?.()
    }
    promise.then(note, note)
    return promise
  }

  /**
   * Returns what the client resolves to, or a time-out: with `autoResendUnfulfilledCommands: false` ioredis drops what is in
   * flight when a connection breaks, and those promises never settle.
   *
   * @param {() => Promise<unknown>} begin
   */
  #bounded(begin) {
    return new Promise((resolve, reject) => {
      const deadline = this.#deadlines.add(() => {
        const reason = `the client gave no reply within ${this.#timeout} ms, so whether it took effect is unknown`
        reject({ code: 'ERR_STORAGE_TIMEOUT', reason })
      })
      const settle = (/** @type {(value: any) => void} */ finish) => (/** @type {unknown} */ value) => {
        this.#deadlines.cancel(deadline)
        finish(value)
      }
      begin().then(settle(resolve), settle(reject))
    })
  }
}

/**
 * Sends one command. Whatever goes wrong becomes a rejection with what `StorageError` needs.
 *
 * @param {() => any} send
 */
async function start(send) {
  let reply
  try {
    reply = send()
    if (typeof reply?.then !== 'function') {
      throw {
        code: 'ERR_STORAGE_INVALID_OPTIONS',
        reason: 'the client of the option "client" returns no promise (does it use callbacks?)',
      }
    }
    reply = await reply
  } catch (error) {
    if (isFailure(error)) throw error
    throw { ...readClientError(error), cause: error }
  }
  if (isQueued(reply)) {
    throw {
      code: 'ERR_STORAGE_UNAVAILABLE',
      reason: 'the client is inside MULTI, which holds commands back; give the storage a client of its own',
    }
  }
  return reply
}

/**
 * As text, or as bytes if the client replies with those.
 *
 * @param {unknown} reply
 */
function isQueued(reply) {
  return reply === 'QUEUED' || (isUint8Array(reply) && reply.length === 6 && Buffer.from(reply).toString() === 'QUEUED')
}

function ignore() {}

module.exports = { RedisClientHandle }
