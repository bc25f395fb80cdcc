'use strict'

/** @import { ScanOptions } from '../binding.js' */
/** @import { Command } from './redis-client-commands.js' */
/** @import { Cursor } from './redis-client-cursor.js' */
/** @import { Node, Nodes } from './redis-client-nodes.js' */

const { isQueued } = require('./redis-client-commands.js')
const { MOST_DONE, MOST_RESTARTS, START, digest, readCursor, writeCursor } = require('./redis-client-cursor.js')
const { digestOfSlots, textOf } = require('./redis-client-nodes.js')
const { LONGEST_ID } = require('./state.js')

/** How many keys one `SCAN` looks at, about, as in `crates/store/src/redis/scan/mod.rs`. */
const FEWEST_KEYS = 100
const MOST_KEYS = 1_000
/** The same if each is asked about, which costs the event loop some 10 µs. */
const MOST_DETAILED_KEYS = 250
const ALL_KEYS = 1_000_000_000

/** A client cannot be asked any more: it replied with something else. */
const OUT_OF_STEP = Symbol('out of step')

/** In place of the digest of a server: there were two. */
const CHANGED = 'changed'

/**
 * Where the keys are.
 *
 * @typedef {object} Place
 * @property {any} client
 * @property {Nodes} nodes
 * @property {string} keyPrefix what the client itself puts in front of each key; patterns and replies of `SCAN` have it
 * @property {string} prefix the storage's
 * @property {Command} has tells whether a key is there
 */

/**
 * The conversations of one page.
 *
 * @typedef {object} Batch
 * @property {string[]} ids
 * @property {string | null} next the cursor of the page behind
 * @property {number} serverTime the server's clock at about the time of the page, in ms; NaN if it was not asked for
 */

/**
 * Asks one node for keys.
 *
 * @param {Place} place
 * @param {ScanOptions} scan
 * @param {boolean} wantsTime
 * @returns {Promise<Batch>}
 */
async function readBatch(place, scan, wantsTime) {
  const { client, nodes } = place
  // node-redis 4 shows a master again each time that it has asked for the slots. The last one counts.
  const byName = new Map((await nodes.find(client)).map((node) => [node.name, node]))
  if (byName.size === 0) throw unavailable('the client shows no node of its cluster')
  const all = [...byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  let from = readCursor(scan.cursor)
  if (from !== START && (from.node !== '') !== nodes.isCluster) readCursor('from elsewhere')
  for (;;) {
    const name = from.node.slice(from.node.indexOf('@') + 1)
    const node = from.node === '' ? all[0] : byName.get(name)
    const reply = node && (await ask(node, place, scan, from, wantsTime))
    const began = reply && noteServer(from, reply)
    if (node && reply && began) {
      const next = nextNode(all, node, began)
      return { ...(await take(place, scan, began, next, reply)), serverTime: reply.time }
    }
    if (scan.action === 'count' || scan.action === 'dryRun' || from.restarts >= MOST_RESTARTS) {
      throw unavailable('the Redis server was restarted, or another one came in its place, meanwhile; try it again')
    }
    from = { ...START, restarts: from.restarts + 1 }
  }
}

/**
 * @typedef {object} Reply
 * @property {string} server
 * @property {string} slots the digest of the cluster's slots; empty for a single server
 * @property {string} at
 * @property {string[]} keys
 * @property {number} time
 */

/**
 * @param {Node} node
 * @param {Place} place
 * @param {ScanOptions} scan
 * @param {Cursor} from
 * @param {boolean} wantsTime
 * @returns {Promise<Reply>}
 */
async function ask(node, place, scan, from, wantsTime) {
  const [server, slots, [at, keys], time, later] = await Promise.all([
    serverOf(node),
    place.nodes.isCluster ? node.send(['CLUSTER', 'SLOTS']) : undefined,
    search(node, place, scan, from.at),
    wantsTime ? node.send(['TIME']) : undefined,
    // A client that has lost its connection in between sends the rest to another server.
    serverOf(node),
  ])
  const [seconds, micros] = Array.isArray(time) ? time.map(textOf) : []
  return {
    server: server === later ? server : CHANGED,
    slots: place.nodes.isCluster ? digestOfSlots(slots) : '',
    at,
    keys,
    time: Number(seconds) * 1_000 + Number(micros) / 1_000,
  }
}

/**
 * Returns the digest of the server process; empty if it does not tell.
 *
 * @param {Node} node
 */
async function serverOf(node) {
  try {
    const [, id] = /^run_id:(\w+)/m.exec(textOf(await node.send(['INFO', 'server']))) ?? []
    return id === undefined ? '' : digest(id)
  } catch {
    // An access rule, or a server without it.
    return ''
  }
}

/**
 * Asks for keys of texts. Servers before Redis 6 cannot tell them there, so each key is asked for its kind.
 *
 * @param {Node} node
 * @param {Place} place
 * @param {ScanOptions} scan
 * @param {string} at
 * @returns {Promise<[string, string[]]>}
 */
async function search(node, { client, nodes, keyPrefix, prefix }, { action, prefix: searched, most }, at) {
  const largest = action === 'list' ? MOST_DETAILED_KEYS : action === 'dryRun' ? FEWEST_KEYS : MOST_KEYS
  const count = nodes.isMock ? ALL_KEYS : Math.min(Math.max(most, FEWEST_KEYS), largest)
  /** @type {[string, ...string[]]} */
  const words = ['SCAN', at, 'COUNT', String(count)]
  if (!nodes.isMock) words.push('MATCH', beginningWith(keyPrefix + prefix + searched))
  try {
    return readKeys(await node.send([...words, 'TYPE', 'string']))
  } catch (error) {
    if (!/syntax/i.test(String(/** @type {any} */ (error)?.message))) throw error
  }
  const [next, keys] = readKeys(await node.send(words))
  const own = keys.filter((key) => key.startsWith(keyPrefix + prefix + searched))
  const kinds = await Promise.all(own.map((key) => client.type(key.slice(keyPrefix.length))))
  return [next, own.filter((_, index) => textOf(kinds[index]) === 'string')]
}

/**
 * @param {unknown} reply
 * @returns {[string, string[]]}
 */
function readKeys(reply) {
  const [at, keys] = Array.isArray(reply) ? reply : []
  const next = textOf(at)
  if (Array.isArray(keys) && /^\d{1,20}$/.test(next)) return [next, keys.map(textOf)]
  if (isQueued(reply))
    throw unavailable('the client is inside MULTI, which holds commands back; give the storage a client of its own')
  throw OUT_OF_STEP
}

/**
 * Returns the cursor with what names its server; `undefined` if it is one of another server, to which it means nothing: this one
 * would leave conversations out.
 *
 * @param {Cursor} from
 * @param {Reply} reply
 * @returns {Cursor | undefined}
 */
function noteServer(from, { server, slots }) {
  const known = from.node.slice(0, Math.max(0, from.node.indexOf('@')))
  if (server === CHANGED || (known !== '' && known !== slots)) return undefined
  const told = from.restarts >= MOST_RESTARTS ? '' : server
  if (from.server !== '' && told !== '' && from.server !== told) return undefined
  return { ...from, server: told, node: slots }
}

/**
 * @param {Node[]} all
 * @param {Node} node
 * @param {Cursor} from its node is the digest of the slots alone
 */
function nextNode(all, node, from) {
  const next = all[all.indexOf(node) + 1]
  const at = (/** @type {Node} */ { name }) => (from.node === '' ? '' : `${from.node}@${name}`)
  return {
    here: { ...from, node: at(node) },
    behind: next && { ...START, restarts: from.restarts, node: at(next) },
  }
}

/**
 * Takes as many conversations as the page may have.
 *
 * @param {Place} place
 * @param {ScanOptions} scan
 * @param {Cursor} from
 * @param {{ here: Cursor, behind: Cursor | undefined }} nodes
 * @param {Reply} reply
 */
async function take(place, { prefix: searched, most }, { done }, { here, behind }, { at, keys }) {
  const root = place.keyPrefix + place.prefix
  const own = new Set(keys.filter((key) => key.startsWith(root + searched)).map((key) => key.slice(root.length)))
  const known = new Set(done)
  const ids = []
  for (const id of [...own].sort()) {
    if (id === '' || Buffer.byteLength(id) > LONGEST_ID || known.has(digest(id))) continue
    if (id.includes('\ufffd') && !(await isThere(place, id))) continue
    ids.push(id)
  }
  if (ids.length > most && done.length + most <= MOST_DONE) {
    const taken = ids.slice(0, most)
    return { ids: taken, next: writeCursor({ ...here, done: [...done, ...taken.map(digest)] }) }
  }
  if (at !== '0') return { ids, next: writeCursor({ ...here, at, done: [] }) }
  return { ids, next: behind ? writeCursor(behind) : null }
}

/**
 * Returns whether the key of an id is there. A key that is no text, such as that of a lock, has this character in place of bytes.
 *
 * @param {Place} place
 * @param {string} id
 */
async function isThere({ client, nodes, prefix, has }, id) {
  if (nodes.isMock && /\ufffdlock:[0-9a-z]{4}$/.test(id)) return false
  return has.read(await has.call(client, prefix + id, { kind: 'has', id }), () => '')
}

/**
 * Returns the pattern of all keys that begin with `prefix`. Each character of it means itself.
 *
 * @param {string} prefix
 */
function beginningWith(prefix) {
  return `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`
}

/** @param {string} reason */
function unavailable(reason) {
  return { code: 'ERR_STORAGE_UNAVAILABLE', reason }
}

module.exports = { OUT_OF_STEP, readBatch }
