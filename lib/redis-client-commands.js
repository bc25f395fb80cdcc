'use strict'

/** @import { Operation, Result } from './handle.js' */

const { isUint8Array } = require('node:util').types

/** Taken when the package is loaded, as in `lib/state.js`. */
const writeJson = JSON.stringify

/**
 * How a client spells the commands: as ioredis, node-redis (`setEx`) or Valkey GLIDE does, with `setex`, or with no more than
 * `set(key, text, 'EX', seconds)`, as documented.
 *
 * @typedef {'ioredis' | 'setEx' | 'glide' | 'setex' | 'set'} Spelling
 */

/**
 * @typedef {object} Command
 * @property {(client: any, key: string, operation: Operation) => unknown} call calls the client's method as it is at that
 *   moment, so that spies and tracing see it
 * @property {(reply: unknown, location: () => string) => Result} read returns what the reply means
 * @property {(reply: unknown) => boolean} isOfAnother returns whether this can only be the reply to another command
 */

function readNothing() {
  return undefined
}

/** @type {Command['read']} */
function readText(reply, location) {
  if (reply === null || reply === undefined) return undefined
  if (typeof reply === 'string') return reply
  if (!isUint8Array(reply)) return readParsed(reply, location)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(reply)
  } catch {
    throw corrupt(`${location()} holds bytes that are no UTF-8`)
  }
}

/**
 * Returns the text of what the client has parsed, as @upstash/redis does by itself. JSON of ours loses nothing by that.
 *
 * @param {unknown} reply
 * @param {() => string} location
 */
function readParsed(reply, location) {
  let text
  try {
    text = writeJson(reply)
  } catch {
    // Told below.
  }
  if (typeof text !== 'string') throw corrupt(`${location()} holds something that is no text`)
  return text
}

/** @param {string} reason */
function corrupt(reason) {
  return { code: 'ERR_STORAGE_CORRUPT', reason }
}

/** @type {Command['read']} */
function readCount(reply) {
  return Number(reply) > 0
}

/** @type {Command['read']} */
function readPresence(reply) {
  return reply !== null && reply !== undefined
}

/** A text that is stored may be any, also `OK`. So the reply to a load proves nothing. */
function never() {
  return false
}

/** @type {Command['isOfAnother']} */
function isNotOk(reply) {
  const text = textOf(reply)
  return (
    reply === null || typeof reply === 'number' || typeof reply === 'bigint' || (text !== undefined && text !== 'OK')
  )
}

/** Some clients make text of numbers, and others `true`. @type {Command['isOfAnother']} */
function isNoCount(reply) {
  const text = textOf(reply)
  return reply === null || (text !== undefined && !/^\d+$/.test(text))
}

/**
 * Returns a short reply as text; a long one, from its beginning.
 *
 * @param {unknown} reply
 */
function textOf(reply) {
  if (typeof reply === 'string') return reply
  return isUint8Array(reply) ? Buffer.from(reply.subarray(0, 32)).toString() : undefined
}

/**
 * Returns whether a reply says that the client is inside MULTI. As text, or as bytes if the client replies with those.
 *
 * @param {unknown} reply
 */
function isQueued(reply) {
  return reply === 'QUEUED' || (isUint8Array(reply) && reply.length === 6 && Buffer.from(reply).toString() === 'QUEUED')
}

/** How clients spell `SET key text EX ttl`. @type {{ [spelling in Spelling]: Command['call'] }} */
const SET_WITH_EXPIRY = {
  ioredis: (client, key, { text, ttl }) => client.set(key, text, 'EX', ttl),
  setEx: (client, key, { text, ttl }) => client.setEx(key, ttl, text),
  // Anything but this object, GLIDE takes for no option at all.
  glide: (client, key, { text, ttl }) => client.set(key, text, { expiry: { type: 'EX', count: ttl } }),
  setex: (client, key, { text, ttl }) => client.setex(key, ttl, text),
  set: (client, key, { text, ttl }) => client.set(key, text, 'EX', ttl),
}

/**
 * Returns the command of each operation, as this client spells it.
 *
 * @param {any} client
 * @param {Spelling} spelling
 * @returns {{ [kind in 'load' | 'refresh' | 'save' | 'has' | 'touch' | 'delete']: Command }}
 */
function commandsOf(client, spelling) {
  const setWithExpiry = SET_WITH_EXPIRY[spelling]
  // GLIDE walks over what it is given: of a text, it would delete the keys that are named like one of its letters.
  const keys = (/** @type {string} */ key) => (spelling === 'glide' ? [key] : key)
  // What has no more than get, set and del may be a fake that replies anything.
  const isFake = spelling === 'set'
  /** @type {Command} */
  const has =
    typeof client.exists === 'function'
      ? {
          call: (client, key) => client.exists(keys(key)),
          read: readCount,
          isOfAnother: isFake ? never : isNoCount,
        }
      : { call: (client, key) => client.get(key), read: readPresence, isOfAnother: never }
  return {
    load: { call: (client, key) => client.get(key), read: readText, isOfAnother: never },
    save: {
      call(client, key, operation) {
        return operation.ttl ? setWithExpiry(client, key, operation) : client.set(key, operation.text)
      },
      read: readNothing,
      isOfAnother: isFake ? never : isNotOk,
    },
    // Both at once, and the renewal first: the text is then none that has expired in between.
    refresh: {
      call: async (client, key, { ttl }) => (await Promise.all([ttl && expire(client, key, ttl), client.get(key)]))[1],
      read: readText,
      isOfAnother: never,
    },
    has,
    touch: {
      // An expiry of 0 s would delete it.
      call: (client, key, operation) =>
        operation.ttl ? expire(client, key, operation.ttl) : has.call(client, key, operation),
      read: (reply, location) => (typeof reply === 'object' ? has.read(reply, location) : readCount(reply, location)),
      isOfAnother: has.isOfAnother,
    },
    delete: {
      call: (client, key) => client.del(keys(key)),
      read: readNothing,
      isOfAnother: isFake ? never : isNoCount,
    },
  }
}

/**
 * @param {any} client
 * @param {string} key
 * @param {number} ttl in seconds
 */
function expire(client, key, ttl) {
  if (typeof client.expire === 'function') return client.expire(key, ttl)
  const reason = 'the client of the option "client" has no expire(key, seconds), which renews an expiry'
  throw { code: 'ERR_STORAGE_UNSUPPORTED', reason }
}

module.exports = { commandsOf, isQueued, readText }
