'use strict'

/** @import { Operation, Result } from './handle.js' */

const { isProxy, isUint8Array } = require('node:util').types

const { optionsError, readGiven } = require('./errors.js')

/**
 * @typedef {object} Command
 * @property {(client: any, key: string, operation: Operation) => unknown} call calls the client's method as it is at that
 *   moment, so that spies and tracing see it
 * @property {(reply: unknown, location: () => string) => Result} read returns what the reply means
 */

function readNothing() {
  return undefined
}

/** @type {Command['read']} */
function readText(reply, location) {
  if (reply === null || reply === undefined) return undefined
  if (typeof reply === 'string') return reply
  if (!isUint8Array(reply)) throw corrupt(`${location()} holds something that is no text`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(reply)
  } catch {
    throw corrupt(`${location()} holds bytes that are no UTF-8`)
  }
}

/** @type {Command['read']} */
function readCount(reply) {
  return Number(reply) > 0
}

/** @type {Command['read']} */
function readPresence(reply) {
  return reply !== null && reply !== undefined
}

/** @param {string} reason */
function corrupt(reason) {
  return { code: 'ERR_STORAGE_CORRUPT', reason }
}

/** How clients spell `SET key text EX ttl`. @type {{ [dialect: string]: Command['call'] }} */
const SET_WITH_EXPIRY = {
  setEx: (client, key, { text, ttl }) => client.setEx(key, ttl, text),
  set: (client, key, { text, ttl }) => client.set(key, text, 'EX', ttl),
  setex: (client, key, { text, ttl }) => client.setex(key, ttl, text),
}

/**
 * Returns the command of each operation, as this client spells it.
 *
 * @param {any} client
 * @returns {{ [kind in Operation['kind']]: Command }}
 */
function commandsOf(client) {
  // Only node-redis has `setEx`; ioredis has `setex`.
  const isNodeRedis = typeof client.setEx === 'function' && typeof client.setex !== 'function'
  const dialect = isNodeRedis ? 'setEx' : typeof client.set === 'function' ? 'set' : 'setex'
  const setWithExpiry = /** @type {Command['call']} */ (SET_WITH_EXPIRY[dialect])
  return {
    load: { call: (client, key) => client.get(key), read: readText },
    save: {
      call(client, key, operation) {
        return operation.ttl ? setWithExpiry(client, key, operation) : client.set(key, operation.text)
      },
      read: readNothing,
    },
    // A client may have no more than get, set and del.
    has:
      typeof client.exists === 'function'
        ? { call: (client, key) => client.exists(key), read: readCount }
        : { call: (client, key) => client.get(key), read: readPresence },
    delete: { call: (client, key) => client.del(key), read: readNothing },
  }
}

/**
 * Reads what kind of Redis client the user gave, from its shape.
 *
 * Traps met on the way: `client.constructor.name` is "EventEmitter" for every ioredis client; `instanceof` fails across
 * the several copies that npm installs; ioredis-mock shows `options.host`, which names a server that it never talks to;
 * node-redis' `set(key, value, 'EX', ttl)` resolves and stores *without* expiry.
 *
 * @param {unknown} client
 * @param {number} ttl the storage's, in seconds; 0 for no expiry
 * @returns {{ kind: 'ioredis' | 'cluster' | 'node-redis' | 'other', commands: ReturnType<typeof commandsOf> }}
 */
function readClient(client, ttl) {
  return readGiven('redis', 'The option "client"', () => readShape(client, ttl))
}

/**
 * @param {any} client
 * @param {number} ttl
 */
function readShape(client, ttl) {
  if (client === null || (typeof client !== 'object' && typeof client !== 'function')) {
    const hint = typeof client === 'string' ? ' An address goes into the option "url".' : ''
    throw invalid(
      `must be a Redis client, not ${client === null ? 'null' : `a value of type ${typeof client}`}.${hint}`,
    )
  }
  if (typeof client.internal_send_command === 'function') {
    throw invalid('is a client of node-redis 3, which answers by callbacks. Use ioredis, or node-redis 4 or newer.')
  }
  if (client.options?.legacyMode === true || isLegacyClient(client)) {
    throw invalid('is a node-redis client in legacy mode, which answers by callbacks. Give the client itself.')
  }
  const missing = ['get', 'del'].filter((name) => typeof client[name] !== 'function')
  if (!['set', 'setex', 'setEx'].some((name) => typeof client[name] === 'function')) missing.push('set')
  if (missing.length > 0) {
    throw invalid(`must have the methods get, set (or setex) and del; it has no ${missing.join(' and no ')}.`)
  }
  if (ttl === 0 && typeof client.set !== 'function') {
    throw invalid('has no set, without which it cannot store anything that does not expire (the option "ttl" is 0).')
  }
  return { kind: kindOf(client), commands: commandsOf(client) }
}

/**
 * @param {any} client
 * @returns {'ioredis' | 'cluster' | 'node-redis' | 'other'}
 */
function kindOf(client) {
  if (isIoredis(client)) return client.isCluster === true ? 'cluster' : 'ioredis'
  return typeof client.setEx === 'function' && typeof client.setex !== 'function' ? 'node-redis' : 'other'
}

/** @param {any} client */
function isIoredis(client) {
  if (isProxy(client) || typeof client.status !== 'string' || typeof client.isCluster !== 'boolean') return false
  return ioredisPrototypes(client) !== undefined
}

/**
 * Finds ioredis 5 and 6 in the tested way: one prototype owns the command factory, one below it owns the connection.
 *
 * @param {any} client
 * @returns {{ connection: any, commands: any } | undefined} those two prototypes
 */
function ioredisPrototypes(client) {
  let connection
  for (let link = Object.getPrototypeOf(client); link !== null; link = Object.getPrototypeOf(link)) {
    const owns = (/** @type {string} */ name) => Object.hasOwn(link, name)
    // The last one: a subclass may have both too, and what it does must not be left out.
    if (owns('sendCommand') && owns('duplicate')) connection = link
    if (connection !== undefined && owns('getBuiltinCommands') && owns('createBuiltinCommand')) {
      return { connection, commands: link }
    }
  }
  return undefined
}

/**
 * Returns whether this is what `client.legacy()` of node-redis 5 returns: methods that want a callback as last argument.
 *
 * @param {any} client
 */
function isLegacyClient(client) {
  return Object.getPrototypeOf(client)?.constructor?.name === 'RedisLegacyClient'
}

/** @param {string} why */
function invalid(why) {
  return optionsError('redis', `The option "client" of the redis storage ${why}`)
}

module.exports = { ioredisPrototypes, readClient }
