'use strict'

/** @import { Spelling } from './redis-client-commands.js' */

const { isUint8Array } = require('node:util').types

const { digest } = require('./redis-client-cursor.js')

/**
 * A server that has keys, and how to send it a command without a key.
 *
 * @typedef {object} Node
 * @property {string} name its address in a cluster; empty for a single server
 * @property {(words: [string, ...string[]]) => unknown} send
 */

/**
 * The way to the servers behind a client.
 *
 * @typedef {object} Nodes
 * @property {boolean} isCluster
 * @property {(client: any) => Promise<Node[]>} find
 * @property {boolean} [isMock] whether it only resembles a server: a cursor is then a number of keys, which shifts as others are
 *   removed, keys are text, and patterns have gaps
 */

/** How ioredis sends the commands of a look. @param {any} client @returns {Node['send']} */
const byMethod = (client) => (words) => {
  const [name, ...rest] = words
  return client[name.toLowerCase()](...rest)
}

/** The decoder of Valkey GLIDE that knows bytes. Its other one fails at a key that is no text, such as that of a lock. */
const BYTES = { decoder: 0 }

/** The servers behind each kind of client that can look through keys. @satisfies {{ [kind: string]: Nodes }} */
const NODES = {
  ioredis: { isCluster: false, find: async (client) => [{ name: '', send: byMethod(client) }] },
  'ioredis-mock': { isCluster: false, isMock: true, find: async (client) => [{ name: '', send: byMethod(client) }] },
  'ioredis cluster': {
    isCluster: true,
    async find(client) {
      // Until it is connected it shows no nodes. This waits for that.
      if (client.nodes('master').length === 0) await client.cluster('SLOTS')
      return client.nodes('master').map((/** @type {any} */ node) => ({
        name: `${node.options.host}:${node.options.port}`,
        send: byMethod(node),
      }))
    },
  },
  'node-redis': {
    isCluster: false,
    find: async (client) => [{ name: '', send: (words) => client.sendCommand(words) }],
  },
  'node-redis sentinel': {
    isCluster: false,
    find: async (client) => [{ name: '', send: (words) => client.sendCommand(false, words) }],
  },
  'node-redis cluster': {
    isCluster: true,
    find: async (client) =>
      client.masters.map((/** @type {any} */ master) => ({
        name: String(master.address),
        send: async (/** @type {string[]} */ words) => (await client.nodeClient(master)).sendCommand(words),
      })),
  },
  glide: {
    isCluster: false,
    find: async (client) => [{ name: '', send: (words) => client.customCommand(words, BYTES) }],
  },
  'glide cluster': {
    isCluster: true,
    async find(client) {
      const masters = mastersOf(await client.customCommand(['CLUSTER', 'SLOTS'], BYTES))
      return [...new Set(masters.map(({ address }) => address))].map((name) => {
        const colon = name.lastIndexOf(':')
        const route = { type: 'routeByAddress', host: name.slice(0, colon), port: Number(name.slice(colon + 1)) }
        return { name, send: (words) => client.customCommand(words, { ...BYTES, route }) }
      })
    },
  },
  upstash: {
    isCluster: false,
    find: async (client) => [
      {
        name: '',
        send([name, at, , count, , match, , type]) {
          return name === 'SCAN' ? client.scan(at, { match, count: Number(count), ...(type && { type }) }) : undefined
        },
      },
    ],
  },
}

/**
 * Returns the way to the servers behind a client; `undefined` if it is not known how to look through their keys.
 *
 * @param {any} client
 * @param {string} kind
 * @param {Spelling} spelling
 * @returns {Nodes | undefined}
 */
function nodesOf(client, kind, spelling) {
  const has = (/** @type {string} */ name) => typeof client[name] === 'function'
  if (kind === 'cluster') return NODES['ioredis cluster']
  if (spelling === 'glide') return has('pubsubShardChannels') ? NODES['glide cluster'] : NODES.glide
  if (spelling === 'setEx') {
    if (client.masters !== undefined || client.slots !== undefined) {
      return has('nodeClient') ? NODES['node-redis cluster'] : undefined
    }
    if (!has('sendCommand')) return undefined
    return NODES[has('getMasterNode') ? 'node-redis sentinel' : 'node-redis']
  }
  if (!has('scan')) return undefined
  if (spelling === 'ioredis') return has('sendCommand') ? NODES.ioredis : NODES['ioredis-mock']
  // The scan of others may take its options in any way. This one has no `call`, and scripts as objects.
  return spelling === 'setex' && has('createScript') ? NODES.upstash : undefined
}

/**
 * Reads the reply to `CLUSTER SLOTS`.
 *
 * @param {unknown} reply
 */
function mastersOf(reply) {
  if (!Array.isArray(reply)) return []
  return reply.map(([first, last, [host, port, id]]) => ({
    range: `${first}-${last}`,
    address: `${textOf(host)}:${port}`,
    id: textOf(id ?? ''),
  }))
}

/**
 * Returns what names the places of all slots, from the reply to `CLUSTER SLOTS`.
 *
 * @param {unknown} reply
 */
function digestOfSlots(reply) {
  const slots = mastersOf(reply).map(({ range, address, id }) => `${range} ${id || address}`)
  return digest(slots.sort().join('\n'))
}

/**
 * Returns what the client itself puts in front of each key. A cluster of node-redis does not show its options.
 *
 * @param {any} client
 */
function keyPrefixOf(client) {
  return textOf(client.options?.keyPrefix ?? client._keyPrefix ?? '')
}

/** @param {unknown} text perhaps as bytes */
function textOf(text) {
  return isUint8Array(text) ? Buffer.from(text).toString() : String(text)
}

module.exports = { digestOfSlots, keyPrefixOf, nodesOf, textOf }
