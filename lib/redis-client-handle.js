'use strict'

/** @import { Operation, Result, UserHandle } from './handle.js' */
/** @import { readClient } from './redis-client-shape.js' */

const { Deadlines } = require('./deadlines.js')
const { isFailure } = require('./errors.js')
const { unsupported } = require('./locks/conditions.js')
const { isQueued } = require('./redis-client-commands.js')
const { NO_SCAN } = require('./redis-client-scan.js')
const { ioredisPrototypes } = require('./redis-client-shape.js')
const { commandClass, isTransformed } = require('./redis-client-state.js')
const { readClientError } = require('./redis-errors.js')

/**
 * Clients that gave a command the reply to another one. The next reply may be another one's too, and not show it, so they
 * are never used again: a save would be acknowledged that the server has refused.
 *
 * @type {WeakSet<object>}
 */
const outOfStep = new WeakSet()

/** Why a client cannot lock; the rest of a sentence. */
const NO_SCRIPTS =
  'the client of the option "client" runs no scripts (it has no eval as ioredis has it), which a lock needs; ' +
  'give an ioredis or node-redis client'
const TRANSFORMED =
  'the client transforms arguments or replies (Redis.Command.set…Transformer), which the scripts of a lock do not see'

/**
 * Does operations with the methods of the user's own Redis client, whatever it is. Retry policy, failover and offline queue
 * stay the client's. Never closes it, selects, authenticates or listens on it.
 *
 * @implements {UserHandle}
 */
class RedisClientHandle {
  #client
  #commands
  /** The class of an ioredis client's commands. */
  #Command
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
    const prototypes = kind === 'ioredis' || kind === 'cluster' ? ioredisPrototypes(client) : undefined
    this.#Command = prototypes && commandClass(prototypes.commands)
    this.#prefix = prefix
    this.origin = originOf(client, prefix)
    this.#timeout = timeout
    this.modeReason = modeReason
    this.#deadlines = new Deadlines(timeout)
    // ioredis sends and receives in order. Elsewhere (a cluster redirects, a fake sleeps) two un-awaited saves of one
    // conversation could change places, so each waits for the one before. `reconnectOnError` may send a command again
    // behind later ones, and auto-pipelining sends the commands that it ignores ahead of earlier ones.
    const { reconnectOnError, enableAutoPipelining } = client.options ?? {}
    const inOrder = kind === 'ioredis' && !reconnectOnError && !enableAutoPipelining
    /** @type {Map<string, Promise<void>> | undefined} */
    this.#tails = inOrder ? undefined : new Map()
  }

  /**
   * @param {Operation} operation
   * @returns {Promise<Result>}
   */
  async run(operation) {
    const command = this.#commands[operation.kind]
    if (command === undefined) throw unsupported(this)
    const key = this.#prefix + operation.id
    const reply = await this.#enqueue(key, () => {
      this.#checkStep()
      return command.call(this.#client, key, operation)
    })
    if (command.isOfAnother(reply)) outOfStep.add(this.#client)
    this.#checkStep()
    return command.read(reply, () => this.location(operation.id))
  }

  get canLock() {
    return this.whyNoLocks === undefined
  }

  get whyNoLocks() {
    if (this.#commands.enter === undefined) return NO_SCRIPTS
    return this.#Command?._transformer !== undefined && isTransformed(this.#Command) ? TRANSFORMED : undefined
  }

  get canList() {
    return this.#commands.scan !== undefined
  }

  get whyNoList() {
    return this.canList ? undefined : NO_SCAN
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

  #checkStep() {
    if (!outOfStep.has(this.#client)) return
    const reason =
      'the client has given a command the reply to another one, so nothing that it replies can be trusted; ' +
      'make a new client, and a storage on it'
    throw { code: 'ERR_STORAGE_UNAVAILABLE', reason }
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
 * Returns where the client says it is connected, for those who trace.
 *
 * @param {any} client
 * @param {string} prefix
 */
function originOf(client, prefix) {
  const { host, port, path, db } = client.options ?? {}
  const address = typeof path === 'string' ? path : host
  /** @type {{ collection: string, serverAddress?: string, serverPort?: number, database?: number }} */
  const origin = { collection: prefix }
  if (typeof address === 'string') origin.serverAddress = address
  if (typeof port === 'number' && address === host) origin.serverPort = port
  if (typeof db === 'number') origin.database = db
  return origin
}

function ignore() {}

module.exports = { RedisClientHandle }
