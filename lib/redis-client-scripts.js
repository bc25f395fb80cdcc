'use strict'

/** @import { Entered, Operation, Result } from './handle.js' */
/** @import { Command, Spelling } from './redis-client-commands.js' */

const { isUint8Array } = require('node:util').types

const { redisLockTail, redisScripts } = require('./binding.js')
const { etagOf } = require('./locks/conditions.js')
const { readText } = require('./redis-client-commands.js')
const { keyPrefixOf } = require('./redis-client-nodes.js')

/**
 * Runs a script through a client: its text, its keys (the first of them as text), and its arguments.
 *
 * @typedef {(client: any, script: string, keys: [string, ...Buffer[]], args: string[]) => unknown} Eval
 */

/** How clients run a script. @satisfies {{ [spelling: string]: Eval }} */
const EVAL = {
  ioredis: (client, script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
  'node-redis': (client, script, keys, args) => client.eval(script, { keys, arguments: args }),
  // In version 4, the `eval` of a cluster does not find its key, and asks any node (redis/node-redis#2811). Words that are sent
  // so do not get the client's own prefix.
  'node-redis cluster'(client, script, keys, args) {
    const prefix = Buffer.from(keyPrefixOf(client))
    const [first, ...rest] = keys.map((key) => Buffer.concat([prefix, Buffer.from(key)]))
    return client.sendCommand(first, false, ['EVAL', script, String(keys.length), first, ...rest, ...args])
  },
  glide: (client, script, keys, args) => client.customCommand(['EVAL', script, String(keys.length), ...keys, ...args]),
}

const { enter, write, leave, compareAndSet, purge } = redisScripts()

/**
 * Returns the commands for locks and conditional writes; `undefined` if it is not known how the client runs scripts.
 *
 * @param {any} client
 * @param {string} kind
 * @param {Spelling} spelling
 * @returns {{ [kind in 'cas' | 'enter' | 'leave']: Command } | undefined}
 */
function scriptCommandsOf(client, kind, spelling) {
  const name = nameOfEval(client, spelling)
  if (name === undefined) return undefined
  const evaluate = /** @type {Eval} */ (EVAL[name])
  // A mock has no `sha1hex`: it gets the text to compare with, not its hash.
  const hashes = kind !== 'other'
  return {
    enter: {
      call(client, key, { condition: { owner, lease, patience, waited, wantsText } = {} }) {
        const args = [owner, lease, patience ?? 0, waited ?? 0, wantsText ? 1 : 0].map(String)
        return evaluate(client, enter, [key, lockKey(client, key)], args)
      },
      read: (reply, location) => readEntered(reply, (state) => readText(state, location)),
      isOfAnother: (reply) => !Array.isArray(reply),
    },
    leave: {
      call: (client, key, { condition }) =>
        evaluate(client, leave, [key, lockKey(client, key)], [String(condition?.owner), '0']),
      read: () => undefined,
      isOfAnother: (reply) => typeof wordOf(reply) !== 'number',
    },
    cas: {
      async call(client, key, operation) {
        const { text, ttl = 0, condition: { owner, lease, number } = {} } = operation
        const compared = hashes ? compareByHash(operation) : await compareByText(operation, () => client.get(key))
        const args = [String(ttl * 1000), ...compared]
        if (text !== undefined) args.push(text)
        if (owner === undefined) return onceOnly(client, kind, () => evaluate(client, compareAndSet, [key], args))
        return evaluate(client, write, [key, lockKey(client, key)], [owner, String(lease), String(number), ...args])
      },
      read: wordOf,
      isOfAnother: (reply) => !WORDS.includes(wordOf(reply)) && typeof wordOf(reply) !== 'number',
    },
  }
}

/**
 * Removes a conversation if it is old and nobody has its lock. Resolves to what it found.
 *
 * @typedef {(client: any, key: string, args: string[]) => Promise<unknown>} Purge
 */

/**
 * @param {any} client
 * @param {string} kind
 * @param {Spelling} spelling
 * @returns {Purge | undefined} `undefined` if it is not known how the client runs scripts
 */
function purgeOf(client, kind, spelling) {
  const name = nameOfEval(client, spelling)
  if (name === undefined) return undefined
  const evaluate = /** @type {Eval} */ (EVAL[name])
  return async (client, key, [how, what, ...rest]) => {
    // As in `compareByHash`.
    const proof = how === 'E' && kind !== 'other' ? ['H', etagOf(String(what))] : [how, what]
    // A lock has neither this owner nor this lease, so that whoever has it is somebody else.
    const args = ['-', '0', ...proof, ...rest].map(String)
    return wordOf(await evaluate(client, purge, [key, lockKey(client, key)], args))
  }
}

/**
 * @param {any} client
 * @param {Spelling} spelling
 * @returns {keyof typeof EVAL | undefined}
 */
function nameOfEval(client, spelling) {
  if (spelling === 'glide') return 'glide'
  if (typeof client.eval !== 'function') return undefined
  if (spelling === 'setEx') {
    return client.masters === undefined && client.slots === undefined ? 'node-redis' : 'node-redis cluster'
  }
  // Others may have an `eval` of their own: the one of @upstash/redis takes lists, and no binary keys.
  return spelling === 'setex' ? undefined : 'ioredis'
}

/**
 * Sends a write that finds its own effect if it is sent twice. ioredis sends again what has no reply when a connection breaks.
 * If such a write is refused, it may have been done the first time, and somebody else has changed the conversation since.
 *
 * @param {any} client
 * @param {string} kind
 * @param {() => unknown} send
 */
async function onceOnly(client, kind, send) {
  const streams = streamsOf(client, kind)
  const reply = await send()
  if (typeof wordOf(reply) === 'string' && streams.some((stream) => stream?.destroyed === true)) {
    const reason = 'the connection broke, and the client sent it again; whether it took effect is unknown'
    throw { code: 'ERR_STORAGE_TIMEOUT', reason }
  }
  return reply
}

/**
 * Returns the connections that a command may travel over.
 *
 * @param {any} client
 * @param {string} kind
 * @returns {any[]}
 */
function streamsOf(client, kind) {
  if (kind === 'ioredis') return [client.stream]
  return kind === 'cluster' ? client.nodes('all').map((/** @type {any} */ node) => node.stream) : []
}

/**
 * Returns the key of the lock. The server must find it in the slot of the conversation's key, which begins with the client's
 * own prefix; the client puts that in front of both.
 *
 * @param {any} client
 * @param {string} key
 */
function lockKey(client, key) {
  const own = Buffer.from(key)
  const prefix = Buffer.from(keyPrefixOf(client))
  return Buffer.concat([own, redisLockTail(Buffer.concat([prefix, own]))])
}

/**
 * Returns how a script compares, and with what.
 *
 * @param {Operation} operation
 */
function compareByHash({ condition: { comparison, expected = '' } = {} }) {
  if (comparison === 'text') return ['H', etagOf(expected)]
  if (comparison === 'etag') return ['H', expected]
  return [comparison === 'absent' ? 'A' : 'X', '']
}

/**
 * The same without a hash. An etag is compared here with what is stored, and that text there.
 *
 * @param {Operation} operation
 * @param {() => Promise<unknown>} load
 */
async function compareByText(operation, load) {
  const { comparison, expected = '' } = operation.condition ?? {}
  if (comparison === 'text') return ['T', expected]
  if (comparison !== 'etag') return compareByHash(operation)
  const stored = await load()
  // "N" is a comparison that nothing meets.
  return typeof stored === 'string' && etagOf(stored) === expected ? ['T', stored] : ['N', '']
}

/**
 * @param {any} reply
 * @param {(state: unknown) => Result} readText
 * @returns {Entered}
 */
function readEntered(reply, readText) {
  const [held, first, second] = reply
  if (Number(held) !== 1) return { held: false, ahead: Number(first), waiting: Number(second) }
  // ioredis-mock leaves `false` as it is, which a server turns into nil.
  const text = /** @type {string | undefined} */ (readText(second === false ? null : second))
  return { held: true, ahead: 0, waiting: Number(first), ...(text === undefined ? {} : { text }) }
}

/** Why nothing was changed. @type {unknown[]} */
const WORDS = ['locked', 'changed', 'deleted']

/**
 * Returns a number or a word of a script. Some clients reply with bytes, or make text of numbers.
 *
 * @param {unknown} reply
 */
function wordOf(reply) {
  const word = isUint8Array(reply) ? Buffer.from(reply).toString() : String(reply)
  return /^\d+$/.test(word) ? Number(word) : word
}

module.exports = { purgeOf, scriptCommandsOf }
