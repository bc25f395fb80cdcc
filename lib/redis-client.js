'use strict'

const { isProxy } = require('node:util').types

const { optionsError, readGiven } = require('./errors.js')

/**
 * Reads what kind of Redis client the user gave us, from its shape.
 *
 * Traps met on the way: `client.constructor.name` is "EventEmitter" for every ioredis client; `instanceof` fails across
 * the several copies that npm installs; ioredis-mock shows `options.host`, which names a server that it never talks to;
 * node-redis' `set(key, value, 'EX', ttl)` resolves and stores *without* expiry.
 *
 * @param {number} ttl the storage's, in seconds; 0 for no expiry
 * @returns {{ kind: 'ioredis' | 'cluster' | 'node-redis' | 'other', save: Function, load: Function, remove: Function }}
 *   `save(key, text, ttl)`, where a `ttl` of 0 means no expiry, `load(key)` and `remove(key)` call the client's methods
 *   as they are at that moment, so that spies and tracing see them.
 */
function readClient(client, ttl) {
  return readGiven('redis', 'The option "client"', () => readShape(client, ttl))
}

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
  return { kind: kindOf(client), ...commandsOf(client) }
}

/** How this client spells `SET key text EX ttl`, `GET key` and `DEL key`. */
function commandsOf(client) {
  const load = (key) => client.get(key)
  const remove = (key) => client.del(key)
  const plainSet = (key, text) => client.set(key, text)
  // Only node-redis has `setEx`; ioredis has `setex`.
  if (typeof client.setEx === 'function' && typeof client.setex !== 'function') {
    return { load, remove, save: (key, text, ttl) => (ttl === 0 ? plainSet(key, text) : client.setEx(key, ttl, text)) }
  }
  if (typeof client.set === 'function') {
    return {
      load,
      remove,
      save: (key, text, ttl) => (ttl === 0 ? plainSet(key, text) : client.set(key, text, 'EX', ttl)),
    }
  }
  return { load, remove, save: (key, text, ttl) => client.setex(key, ttl, text) }
}

function kindOf(client) {
  if (isIoredis(client)) return client.isCluster === true ? 'cluster' : 'ioredis'
  return typeof client.setEx === 'function' && typeof client.setex !== 'function' ? 'node-redis' : 'other'
}

function isIoredis(client) {
  if (isProxy(client) || typeof client.status !== 'string' || typeof client.isCluster !== 'boolean') return false
  return ioredisPrototypes(client) !== undefined
}

/**
 * The tested way to know ioredis 5 and 6: one prototype owns the command factory, one below it owns the connection.
 *
 * @returns {{ connection: object, commands: object } | undefined} those two prototypes
 */
function ioredisPrototypes(client) {
  let connection
  for (let link = Object.getPrototypeOf(client); link !== null; link = Object.getPrototypeOf(link)) {
    const owns = (name) => Object.hasOwn(link, name)
    // The last one: a subclass may have both too, and what it does must not be left out.
    if (owns('sendCommand') && owns('duplicate')) connection = link
    if (connection !== undefined && owns('getBuiltinCommands') && owns('createBuiltinCommand')) {
      return { connection, commands: link }
    }
  }
  return undefined
}

/** What `client.legacy()` of node-redis 5 returns: methods that want a callback as their last argument. */
function isLegacyClient(client) {
  return Object.getPrototypeOf(client)?.constructor?.name === 'RedisLegacyClient'
}

function invalid(why) {
  return optionsError('redis', `The option "client" of the redis storage ${why}`)
}

module.exports = { ioredisPrototypes, readClient }
