'use strict'

const { openRedisLink } = require('./binding.js')
const { ioredisPrototypes } = require('./redis-client.js')
const { tlsOfClient } = require('./redis-tls.js')

/** What `RedisLink.phase()` answers (`crates/store/src/redis/link/mod.rs`). */
const LATE = 1
const READY = 2
const ENDED = 3

/** How long a connection that is no longer wanted may still answer, in ms. */
const LAST_ANSWERS = 5000
/** The same where the client itself has left that server: it is hardly going to answer. */
const LAST_ANSWERS_OF_A_LOST_SERVER = 500

/** The most that a connection may owe an answer without a single byte coming, in ms. */
const LONGEST_SILENCE = 5000

const FIRST_PAUSE = 50
const LONGEST_PAUSE = 30_000

/** One for each client, shared by all storages on it: each costs the server a connection. */
const followers = new WeakMap()

/**
 * A native connection to where an ioredis client is connected right now, as long as a plain connection can be the same.
 * The client's state is read at each operation and never listened to.
 */
class Follower {
  #client
  #prototypes
  /** Why this client can never be followed. */
  #never
  #link
  /** It has been ready. That it has ended meanwhile is learnt from what it gives back, which costs no question. */
  #wasReady = false
  /** What the link was made for. */
  #target
  /** A connection of the client's that ours cannot equal, and why. */
  #unequalled = {}
  #failures = 0
  #lastFailure
  #notBefore = 0
  #users = 0
  #reason = 'no operation was called yet; the first one decides'

  /** The follower of this client, which must be a plain ioredis client. */
  static of(client) {
    let follower = followers.get(client)
    if (follower === undefined) {
      follower = new Follower(client)
      followers.set(client, follower)
    }
    follower.#users++
    return follower
  }

  constructor(client) {
    this.#client = client
    this.#prototypes = ioredisPrototypes(client)
    this.#never = whyNever(client)
  }

  /** A storage does not need it any more. */
  release() {
    if (--this.#users > 0) return
    this.#end('the storage is closed', LAST_ANSWERS)
    // Every storage has waited for its answers, so that nothing is in doubt.
    this.#link = undefined
  }

  /** Whether the link that is there takes operations. */
  get isNative() {
    return this.#link !== undefined && this.#reason === undefined && this.#link.phase() !== ENDED
  }

  /** Why operations go through the client. */
  get reason() {
    return this.#reason ?? this.#link?.report()?.reason ?? 'the connection beside the client has ended'
  }

  /** What ioredis puts in front of each key. */
  get keyPrefix() {
    return this.#client.options.keyPrefix || ''
  }

  /**
   * The link to send the next operation through, or nothing: then it goes through the client.
   *
   * @param {number} timeout the storage's, in ms
   */
  link(timeout) {
    this.#reason = this.#never ?? this.#whyNotNow()
    if (this.#reason !== undefined) return undefined
    if (this.#link !== undefined) {
      const phase = this.#wasReady ? READY : this.#link.phase()
      if (phase !== ENDED && this.#isOnTarget()) {
        this.#wasReady = phase === READY
        return phase === LATE ? this.#leaveTo('the connection beside the client is still being made') : this.#link
      }
      if (phase === ENDED) {
        this.note()
      } else if (this.#target.stream === this.#client.stream) {
        this.#end('the database or the credentials of the client have changed', LAST_ANSWERS)
      } else {
        this.#end('the client has a new connection', LAST_ANSWERS_OF_A_LOST_SERVER)
      }
    }
    if (this.#link === undefined && performance.now() >= this.#notBefore) return this.#open(timeout)
    return this.#leaveTo(this.#lastFailure ?? 'the connection beside the client has not ended yet')
  }

  /**
   * To be called before anything that the link gave back is repeated: ends the old connection at the server, through
   * the client and so ahead of what is repeated. A server that was stalled could otherwise execute old writes last.
   */
  note() {
    this.#wasReady = false
    const report = this.#link?.phase() === ENDED ? this.#link.report() : null
    if (report === null) return
    this.#link = undefined
    if (report.answered) this.#failures = 0
    if (report.isFailure) {
      this.#lastFailure = `the connection beside the client failed a moment ago: ${report.reason}`
      this.#notBefore = performance.now() + Math.min(FIRST_PAUSE * 2 ** this.#failures, LONGEST_PAUSE)
      this.#failures++
    }
    // Best effort: an access rule may forbid it, the client may have closed.
    if (report.farewell != null) this.#client.call(...report.farewell).catch(ignore)
  }

  #end(reason, patience) {
    if (this.#link === undefined) return
    this.#wasReady = false
    // Kept until it is known whether writes are in doubt.
    this.#link.end(reason, patience)
    this.#reason = reason
  }

  #open(timeout) {
    const { condition, options, stream } = this.#client
    if (this.#unequalled.stream === stream) return this.#leaveTo(this.#unequalled.reason)
    const tls = tlsOfClient(this.#client)
    if (tls?.reason !== undefined) {
      this.#unequalled = { stream, reason: `the client's TLS cannot be the same here: ${tls.reason}` }
      return this.#leaveTo(this.#unequalled.reason)
    }
    const host = stream.remoteAddress
    const path = typeof options.path === 'string' && !options.sentinels ? options.path : undefined
    if (path === undefined && typeof host !== 'string') return this.#leaveTo("the client's connection has no address")
    const { username, password } = options
    // `select()` shows in `condition` only.
    const db = condition?.select ?? options.db ?? 0
    this.#target = { stream, db, username, password }
    const settings = {
      host: host ?? '',
      port: stream.remotePort ?? 0,
      path,
      // An empty one, as in `redis://:secret@host`, means none.
      username: username ? String(username) : undefined,
      password: password ? String(password) : undefined,
      db: Number(db),
      name: options.connectionName ? `${options.connectionName}:flowkit` : undefined,
      connectTimeout: wholeMilliseconds(options.connectTimeout, 10_000),
      answerTimeout: Math.min(wholeMilliseconds(options.commandTimeout, LONGEST_SILENCE), LONGEST_SILENCE, timeout),
    }
    this.#wasReady = false
    this.#link = openRedisLink(settings, tls?.settings)
    return this.#link
  }

  /** The operation goes through the client. */
  #leaveTo(reason) {
    this.#reason = reason
    return undefined
  }

  /** Whether the client is still where the link was made to, and as the same user. Asked at each operation. */
  #isOnTarget() {
    const { condition, options, stream } = this.#client
    const target = this.#target
    return (
      stream === target.stream &&
      (condition?.select ?? options.db ?? 0) === target.db &&
      options.username === target.username &&
      options.password === target.password
    )
  }

  #whyNotNow() {
    const client = this.#client
    // After `quit()` the status is "ready" for a while.
    if (client.manuallyClosing === true || client.status === 'end') {
      this.#end('the client is closed', LAST_ANSWERS)
      return 'the client is closed'
    }
    if (client.status !== 'ready') return `the client is not ready (${client.status})`
    const { commands, connection } = this.#prototypes
    // Spies, instrumentation, subclasses: whoever replaced a method wants to see the calls.
    if (client.get !== commands.get || client.set !== commands.set || client.del !== commands.del) {
      return 'a method of the client was replaced'
    }
    if (client.sendCommand !== connection.sendCommand) return 'sendCommand of the client was replaced'
    const { keyPrefix } = client.options
    if (keyPrefix && typeof keyPrefix !== 'string') return 'the keyPrefix of the client is not text'
    return undefined
  }
}

/** Why a plain connection can never be the same as this client's. */
function whyNever(client) {
  const { options } = client
  if (options === null || typeof options !== 'object') return 'the client shows no options'
  if (options.Connector) return 'the client has a Connector of its own'
  const connector = client.connector?.constructor?.name
  if (connector !== 'StandaloneConnector' && connector !== 'SentinelConnector') {
    return 'the client connects in a way of its own'
  }
  if (options.monitor) return 'the client is a monitor'
  if (options.readOnly || options.role === 'slave') return 'the client reads from a replica'
  return undefined
}

function wholeMilliseconds(value, otherwise) {
  return Number.isFinite(value) && value >= 1 ? Math.min(Math.ceil(value), 2 ** 31 - 1) : otherwise
}

function ignore() {}

module.exports = { Follower }
