'use strict'

const { isProxy } = require('node:util').types

const { optionsError, readGiven } = require('./errors.js')
const { commandsOf } = require('./redis-client-commands.js')
const { scanCommandOf } = require('./redis-client-scan.js')
const { purgeOf, scriptCommandsOf } = require('./redis-client-scripts.js')

/** @import { Operation } from './handle.js' */
/** @import { Command, Spelling } from './redis-client-commands.js' */

/** @typedef {'ioredis' | 'cluster' | 'node-redis' | 'glide' | 'other'} Kind */

/**
 * Reads what kind of Redis client the user gave, from its shape. Nothing is called: what a client makes of an expiry and of a
 * key to delete has to be known before the first save.
 *
 * Traps met on the way: `client.constructor.name` is "EventEmitter" for every ioredis client; `instanceof` fails across
 * the several copies that npm installs; ioredis-mock shows `options.host`, which names a server that it never talks to.
 *
 * @param {unknown} client
 * @param {number} ttl the storage's, in seconds; 0 for no expiry
 * @returns {{ kind: Kind, commands: { [kind in Operation['kind']]?: Command } }}
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
  const reason = whyUnusable(client)
  if (reason !== undefined) throw invalid(reason)
  const missing = ['get', 'del'].filter((name) => !has(client, name))
  if (!['set', 'setex', 'setEx'].some((name) => has(client, name))) missing.push('set')
  if (missing.length > 0) {
    const lacks = `must have the methods get, set (or setex) and del; it has no ${missing.join(' and no ')}.`
    throw invalid(`${lacks}${hintFor(client)}`)
  }
  const spelling = spellingOf(client)
  if (spelling === 'set' && client.set.length === 3) {
    throw invalid(
      "has a set of three parameters, which takes no set(key, text, 'EX', seconds). " +
        'Give it a setex(key, seconds, text), and a del that takes one key as text.',
    )
  }
  if (ttl === 0 && !has(client, 'set')) {
    throw invalid('has no set, without which it cannot store anything that does not expire (the option "ttl" is 0).')
  }
  const kind = kindOf(client)
  const commands = commandsOf(client, spelling)
  const scan = scanCommandOf(client, kind, spelling, commands, purgeOf(client, kind, spelling))
  return { kind, commands: { ...commands, ...scriptCommandsOf(client, kind, spelling), ...(scan && { scan }) } }
}

/**
 * Returns what is wrong with an object that may have all the methods; `undefined` if nothing is.
 *
 * @param {any} client
 */
function whyUnusable(client) {
  if (has(client, 'then')) return 'is a promise. Await it, and give the client that it resolves to.'
  const isPipeline = client.isPipeline === true || (has(client, 'exec') && !has(client, 'multi'))
  if (isGlide(client) ? !has(client, 'exec') : isPipeline) {
    return 'is a pipeline, transaction or batch, which sends nothing by itself. Give the client itself.'
  }
  // `nodeRedis` is what handy-redis, whose methods return promises, calls the client that it wraps.
  if (client.nodeRedis === undefined) {
    const isNodeRedis3 = has(client, 'internal_send_command')
    // fakeredis and redis-mock.
    if (isNodeRedis3 || (has(client, 'SETEX') && has(client, 'setex') && has(client, 'send_command'))) {
      const what = isNodeRedis3 ? 'is a client of node-redis 3' : 'is a copy of node-redis 3'
      return `${what}, which replies by callbacks. Use ioredis, or node-redis 4 or newer.`
    }
  }
  if (client.options?.legacyMode === true || isLegacyClient(client)) {
    return 'is a node-redis client in legacy mode, which replies by callbacks. Give the client itself.'
  }
  return undefined
}

/**
 * Returns what else may have been meant by something that is no client.
 *
 * @param {any} client
 */
function hintFor(client) {
  if (typeof client === 'function') return ' It is a class or a function: give an instance, as new Redis() makes it.'
  if (client instanceof URL) return ' An address goes into the option "url".'
  if (has(client, 'acquire')) return ' It is a pool: give one client.'
  if (has(client, 'createClient')) return ' It is the module: give the client that its createClient() returns.'
  return ''
}

/**
 * @param {any} client
 * @returns {Spelling}
 */
function spellingOf(client) {
  if (isGlide(client)) return 'glide'
  if (isNodeRedis(client)) return 'setEx'
  // ioredis has `setex` too, but an access rule may allow no more than SET, and a spy may watch `set`. So has ioredis-mock.
  if (has(client, 'defineCommand') && has(client, 'set')) return 'ioredis'
  // This means the same in every client that has it.
  return has(client, 'setex') ? 'setex' : 'set'
}

/**
 * @param {any} client
 * @returns {Kind}
 */
function kindOf(client) {
  if (isIoredis(client)) return client.isCluster === true ? 'cluster' : 'ioredis'
  if (isNodeRedis(client)) return 'node-redis'
  return isGlide(client) ? 'glide' : 'other'
}

/** Only node-redis has `setEx`; ioredis has `setex`. @param {any} client */
function isNodeRedis(client) {
  return has(client, 'setEx') && !has(client, 'setex')
}

/** Valkey GLIDE. ioredis-mock has a `customCommand`, too. @param {any} client */
function isGlide(client) {
  return has(client, 'customCommand') && !has(client, 'setex')
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

/**
 * @param {any} client
 * @param {string} name
 */
function has(client, name) {
  return typeof client[name] === 'function'
}

/** @param {string} why */
function invalid(why) {
  return optionsError('redis', `The option "client" of the redis storage ${why}`)
}

module.exports = { ioredisPrototypes, readClient }
