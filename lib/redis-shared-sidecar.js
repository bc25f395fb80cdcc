'use strict'

const { openRedisSidecar } = require('./binding.js')
const { now } = require('./primordials.js')
const { ioredisPrototypes } = require('./redis-client-shape.js')
const state = require('./redis-client-state.js')
const { tlsOfClient } = require('./redis-tls.js')

/** How long a connection that is no longer wanted may still reply, in ms. */
const LAST_REPLIES_MS = 5000
/** The same if the client itself has left that server: it is hardly going to reply. */
const LAST_REPLIES_OF_A_LOST_SERVER_MS = 500

const FIRST_BACK_OFF_MS = 50
const LONGEST_BACK_OFF_MS = 30_000

/** One for each client, shared by all storages on it: each costs the server a connection. @type {WeakMap<object, SharedSidecar>} */
const sidecars = new WeakMap()

/** @import { Target } from './redis-client-state.js' */

/**
 * A native connection to where an ioredis client is connected right now, if a plain connection can be the same. Reads the
 * client's state at each operation; listens to nothing and configures nothing.
 */
class SharedSidecar {
  #client
  #classes
  /** Why this client can never have one. */
  #never
  /** @type {import('../binding.js').RedisSidecar | undefined} */
  #connection
  /** What the connection was made for. @type {Target | undefined} */
  #target
  /** It has been ready. Its end then shows in what it hands back, which costs no question at each operation. */
  #wasReady = false
  /** It was told to end, for this reason. @type {string | undefined} */
  #ending
  /** A connection of the client's that ours cannot equal, and why. @type {{ stream?: unknown, reason?: string }} */
  #unequalled = {}
  #failures = 0
  /** @type {string | undefined} */
  #lastFailure
  #retryAt = 0
  #users = 0

  /**
   * Returns the sidecar of this client. Each caller has to release it.
   *
   * @param {any} client a plain ioredis client
   */
  static of(client) {
    let sidecar = sidecars.get(client)
    if (sidecar === undefined) {
      sidecar = new SharedSidecar(client)
      sidecars.set(client, sidecar)
    }
    sidecar.#users++
    return sidecar
  }

  /** @param {any} client */
  constructor(client) {
    this.#client = client
    const prototypes = /** @type {{ connection: any, commands: any }} */ (ioredisPrototypes(client))
    this.#classes = { ...prototypes, Command: state.commandClass(prototypes.commands) }
    this.#never = state.whyNever(client, this.#classes.Command)
  }

  /** Ends the connection once no storage needs it any more. */
  release() {
    if (--this.#users > 0) return
    this.#end('the storage is closed', LAST_REPLIES_MS)
    // Every storage has waited for its replies, so nothing is in doubt.
    this.#connection = undefined
  }

  /** What ioredis puts in front of each key. @returns {string} */
  get keyPrefix() {
    return this.#client.options.keyPrefix || ''
  }

  /** Returns why the next operation will go through the client; `undefined` if it will not. Changes nothing. */
  whyInline() {
    const reason = this.#never ?? state.whyNotNow(this.#client, this.#classes)
    if (reason !== undefined) return reason
    const phase = this.#connection?.phase()
    if (this.#connection !== undefined && phase !== 'ended' && this.#isOnTarget()) {
      return phase === 'late' ? 'the connection beside the client is still being made' : undefined
    }
    return this.#whyNoNew(phase === 'ended' ? this.#connection?.report() : undefined)
  }

  /**
   * Returns the connection to send the next operation through; `undefined` if that goes through the client.
   *
   * @param {number} timeout the storage's, in ms
   */
  connection(timeout) {
    if (this.#never !== undefined || state.whyNotNow(this.#client, this.#classes) !== undefined) {
      if (state.isClosed(this.#client)) this.#end('the client is closed', LAST_REPLIES_MS)
      return undefined
    }
    if (this.#connection !== undefined) {
      const phase = this.#wasReady ? 'ready' : this.#connection.phase()
      if (phase !== 'ended' && this.#isOnTarget()) {
        this.#wasReady = phase === 'ready'
        return phase === 'late' ? undefined : this.#connection
      }
      if (phase === 'ended') {
        this.collectEnded()
      } else if (this.#target?.stream === this.#client.stream) {
        this.#end('the database or the credentials of the client have changed', LAST_REPLIES_MS)
      } else {
        this.#end('the client has a new connection', LAST_REPLIES_OF_A_LOST_SERVER_MS)
      }
    }
    return this.#whyNoNew() === undefined ? this.#open(timeout) : undefined
  }

  /**
   * Forgets a connection that has ended and sets the back-off. Called before anything that it handed back is repeated: ends
   * the old connection at the server, through the client and so ahead of what is repeated. A server that was stalled could
   * otherwise execute old writes last.
   */
  collectEnded() {
    this.#wasReady = false
    const report = this.#connection?.phase() === 'ended' ? this.#connection.report() : null
    if (report == null) return
    this.#connection = undefined
    this.#ending = undefined
    if (report.replied) this.#failures = 0
    if (report.isFailure) {
      this.#lastFailure = failed(report.reason)
      this.#retryAt = now() + Math.min(FIRST_BACK_OFF_MS * 2 ** this.#failures, LONGEST_BACK_OFF_MS)
      this.#failures++
    }
    if (report.killCommand != null) this.#kill(report.killCommand)
  }

  /**
   * Tells the server to end the old connection. Best effort: an access rule may forbid it, the client may have closed, and its
   * `call` may be the user's own.
   *
   * @param {string[]} command
   */
  async #kill(command) {
    try {
      await this.#client.call(...command)
    } catch {
      // As before: the old connection ends by itself.
    }
  }

  /**
   * Returns why no connection can be made now; `undefined` if one can.
   *
   * @param {import('../binding.js').RedisSidecarReport | null} [ended] how a connection ended that was not collected yet
   */
  #whyNoNew(ended) {
    if (this.#connection !== undefined && ended === undefined) {
      return this.#ending ?? 'the connection beside the client has not ended yet'
    }
    if (ended?.isFailure) return failed(ended.reason)
    if (now() < this.#retryAt) return this.#lastFailure
    return this.#unequalled.stream === this.#client.stream ? this.#unequalled.reason : undefined
  }

  /**
   * @param {string} reason
   * @param {number} timeout in ms
   */
  #end(reason, timeout) {
    if (this.#connection === undefined) return
    this.#wasReady = false
    // Kept until it is known whether writes are in doubt.
    this.#connection.end(reason, timeout)
    this.#ending = reason
  }

  /** @param {number} timeout */
  #open(timeout) {
    const { stream } = this.#client
    const tls = tlsOfClient(this.#client)
    if (tls?.reason !== undefined) {
      return this.#cannotEqual(stream, `the client's TLS cannot be the same here: ${tls.reason}`)
    }
    if (!state.hasAddress(this.#client)) return this.#cannotEqual(stream, "the client's connection has no address")
    this.#target = state.targetOf(this.#client)
    this.#wasReady = false
    this.#connection = openRedisSidecar(state.settingsOf(this.#client, timeout), tls?.settings)
    return this.#connection
  }

  /**
   * @param {unknown} stream
   * @param {string} reason
   */
  #cannotEqual(stream, reason) {
    this.#unequalled = { stream, reason }
    return undefined
  }

  /** Returns whether the client is still where the connection was made to, as the same user. Called at each operation. */
  #isOnTarget() {
    return this.#target !== undefined && state.isAt(this.#client, this.#target)
  }
}

/** @param {string} reason */
function failed(reason) {
  return `the connection beside the client failed a moment ago: ${reason}`
}

module.exports = { SharedSidecar }
