'use strict'

/** @import { Handle, Operation, Sidecar } from './handle.js' */

const { getDispatcher, scheduleHandOverSoon } = require('./dispatcher.js')
const { NativeHandle } = require('./native-handle.js')
const { SharedSidecar } = require('./redis-shared-sidecar.js')

/**
 * What one storage sees of the connection beside an ioredis client, with its own prefix.
 *
 * @implements {Sidecar}
 */
class RedisSidecar {
  #shared
  #prefix
  #timeout
  /** @type {RedisSidecarHandle | undefined} */
  #handle
  nativeReason = 'a connection beside the client, to the same server'

  /**
   * @param {any} client a plain ioredis client
   * @param {string} prefix
   * @param {number} timeout the storage's, in ms
   */
  constructor(client, prefix, timeout) {
    this.#shared = SharedSidecar.of(client)
    this.#prefix = prefix
    this.#timeout = timeout
  }

  handle() {
    const connection = this.#shared.connection(this.#timeout)
    if (connection === undefined) return undefined
    if (this.#handle?.connection !== connection) {
      this.#handle = new RedisSidecarHandle(connection, this.#shared, this.#prefix)
    }
    return this.#handle
  }

  whyInline() {
    return this.#shared.whyInline()
  }

  retire() {
    this.#shared.collectEnded()
  }

  release() {
    this.#shared.release()
  }
}

/** The way to one connection. */
class RedisSidecarHandle {
  connection
  #native
  #shared
  #prefix

  /**
   * @param {import('../binding.js').RedisSidecar} connection
   * @param {InstanceType<typeof SharedSidecar>} shared
   * @param {string} prefix
   */
  constructor(connection, shared, prefix) {
    this.connection = connection
    this.#native = new NativeHandle(connection.handle(getDispatcher()), scheduleHandOverSoon, '')
    this.#shared = shared
    this.#prefix = prefix
  }

  /** @param {Operation} operation */
  run(operation) {
    return this.#native.run(operation, this.#keyOf(operation.id))
  }

  /** @type {NonNullable<Handle['keepLock']>} */
  keepLock(id, owner, lease, hold, ttl) {
    this.#native.keepLock(this.#keyOf(id), owner, lease, hold, ttl)
  }

  /** @param {string} id */
  #keyOf(id) {
    return this.#shared.keyPrefix + this.#prefix + id
  }
}

module.exports = { RedisSidecar }
