'use strict'

const { Bridge } = require('./bridge.js')
const { getDispatcher, scheduleHandOverSoon } = require('./dispatcher.js')
const { Follower } = require('./redis-follower.js')

// Taken now, so that a test's fake timers do not stop real storage.
const startTimer = setTimeout
const stopTimer = clearTimeout

/** The code of an operation that the link could not answer (`crates/store/src/redis/link/mod.rs`). */
const RETURNED = 'FLOWKIT_HANDED_BACK'

/** How long operations wait for the ones before them to come back over the bridge, so that they can go natively. In ms. */
const PATIENCE = 250

/**
 * The conversations of one storage on an ioredis client: natively wherever a connection of ours can stand for the
 * client's, and over the client's own methods (the bridge) otherwise.
 *
 * Order: operations change sides only when the other side owes nothing. What the native side gives back is repeated over
 * the bridge first, in the order of the calls.
 */
class FollowedRedis {
  #follower
  #bridge
  #prefix
  #ttl
  #timeout
  /** The native handle, and the link that it belongs to. */
  #handle
  #handleLink
  /** Native operations whose promises are not settled. */
  #pending = 0
  #calls = 0
  /** Given back by the native side, to be repeated. */
  #returned = []
  /** Called after something that is still on the other side. */
  #line = []
  #timer
  /** Waited in vain for the bridge: stays on it until it owes nothing. */
  #staysOnBridge = false
  #idle = []

  constructor(client, { prefix, ttl, timeout }) {
    this.#bridge = new Bridge(client, { prefix: '', ttl, timeout, onIdle: () => this.#bridgeIsIdle() })
    this.#follower = Follower.of(client)
    this.#prefix = prefix
    this.#ttl = ttl
    this.#timeout = timeout
  }

  get mode() {
    return this.#follower.isNative ? 'native' : 'bridge'
  }

  get modeReason() {
    return this.#follower.isNative ? 'a connection beside the client, to the same server' : this.#follower.reason
  }

  save(id, text) {
    return this.#route('save', this.#prefix + id, text)
  }

  load(id) {
    return this.#route('load', this.#prefix + id)
  }

  delete(id) {
    return this.#route('delete', this.#prefix + id)
  }

  /** Waits for what is pending. The client is the user's and stays open. */
  async close() {
    while (this.#pending > 0 || this.#line.length > 0 || this.#returned.length > 0) {
      await new Promise((resolve) => this.#idle.push(resolve))
    }
    await this.#bridge.close()
    this.#follower.release()
  }

  place(id) {
    return this.#bridge.place(this.#prefix + id)
  }

  #route(method, key, text) {
    if (this.#line.length === 0 && this.#returned.length === 0) {
      const link = this.#link()
      if (link === undefined ? this.#pending === 0 : this.#bridge.unanswered === 0) {
        return this.#send(link, method, key, text)
      }
    }
    return new Promise((resolve, reject) => {
      this.#line.push({ method, key, text, resolve, reject })
      this.#move()
    })
  }

  #link() {
    return this.#staysOnBridge ? undefined : this.#follower.link(this.#timeout)
  }

  #send(link, method, key, text) {
    if (link === undefined) return this.#bridge[method](key, text)
    if (this.#handleLink !== link) {
      this.#handle = link.handle(getDispatcher(), this.#ttl)
      this.#handleLink = link
    }
    const call = this.#calls++
    this.#pending++
    const promise = this.#handle[method](this.#follower.keyPrefix + key, text)
    scheduleHandOverSoon()
    return promise.then(
      (value) => {
        this.#settled()
        return value
      },
      (failure) => {
        if (failure?.code !== RETURNED) {
          this.#settled()
          throw failure
        }
        return new Promise((resolve, reject) => {
          this.#returned.push({ call, method, key, text, resolve, reject })
          this.#settled()
        })
      },
    )
  }

  #settled() {
    if (--this.#pending === 0) this.#move()
  }

  /** Sends what waits, as soon as the order allows it. */
  #move() {
    if (this.#pending > 0) return
    if (this.#returned.length > 0) {
      this.#follower.note()
      const returned = this.#returned.splice(0).sort((one, other) => one.call - other.call)
      for (const operation of returned) this.#forward(undefined, operation)
    }
    if (this.#line.length > 0) {
      const link = this.#link()
      if (link !== undefined && this.#bridge.unanswered > 0) {
        this.#timer ??= startTimer(() => this.#stayOnBridge(), PATIENCE)
        return
      }
      stopTimer(this.#timer)
      this.#timer = undefined
      for (const operation of this.#line.splice(0)) this.#forward(link, operation)
    }
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #forward(link, { method, key, text, resolve, reject }) {
    try {
      resolve(this.#send(link, method, key, text))
    } catch (error) {
      reject(error)
    }
  }

  /** The client is slow, or has lost an answer for good: what waits must not wait for that. */
  #stayOnBridge() {
    this.#timer = undefined
    this.#staysOnBridge = true
    this.#move()
  }

  #bridgeIsIdle() {
    this.#staysOnBridge = false
    this.#move()
  }
}

module.exports = { FollowedRedis }
