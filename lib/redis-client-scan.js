'use strict'

/** @import { ScanOptions } from '../binding.js' */
/** @import { Operation, Page } from './handle.js' */
/** @import { Command, Spelling } from './redis-client-commands.js' */
/** @import { Batch, Place } from './redis-client-keys.js' */
/** @import { Purge } from './redis-client-scripts.js' */

const { readText } = require('./redis-client-commands.js')
const { OUT_OF_STEP, readBatch } = require('./redis-client-keys.js')
const { keyPrefixOf, nodesOf } = require('./redis-client-nodes.js')

/** How many states are read at a time to learn their age: they may be large. */
const TEXTS_AT_A_TIME = 10
/** The most that two clocks seem to differ as each is read in whole ms. */
const ROUNDED_MS = 2
/** A time below this is none in ms, as in `crates/store/src/retention.rs`. */
const EARLIEST = 100_000_000_000

/**
 * One page of a look, with what it takes to go through it.
 *
 * @typedef {object} Look
 * @property {Place} place
 * @property {ScanOptions} scan
 * @property {number} ttl in seconds
 * @property {Purge | undefined} purge
 * @property {(key: string) => unknown} strlen
 * @property {(key: string) => unknown} pttl
 * @property {{ [kind in 'load' | 'delete']: Command }} commands
 * @property {Page} page
 */

/** @typedef {{ id: string, size: number, left: number, savedAt: number | null }} Candidate `left` in ms, negative for never */

/** Why a client cannot look through the keys; the rest of a sentence. */
const NO_SCAN =
  'the client of the option "client" does not look through keys in a known way (it has no scan, strlen and pttl as ioredis has ' +
  'them); give an ioredis, node-redis or Valkey GLIDE client'

/**
 * Returns the command that does a page of a look through the conversations; `undefined` if the client cannot. Its methods do
 * what `crates/store/src/redis/scan/` does natively.
 *
 * @param {any} client
 * @param {string} kind
 * @param {Spelling} spelling
 * @param {{ [kind in 'load' | 'has' | 'delete']: Command }} commands
 * @param {Purge | undefined} purge
 * @returns {Command | undefined}
 */
function scanCommandOf(client, kind, spelling, commands, purge) {
  const nodes = nodesOf(client, kind, spelling)
  const [strlen, pttl] = spelling === 'setEx' ? ['strLen', 'pTTL'] : ['strlen', 'pttl']
  if (nodes === undefined || typeof client[strlen] !== 'function' || typeof client[pttl] !== 'function')
    return undefined
  return {
    async call(client, prefix, { ttl = 0, scan }) {
      const place = { client, nodes, keyPrefix: keyPrefixOf(client), prefix, has: commands.has }
      /** @type {Look} */
      const look = {
        place,
        scan: /** @type {ScanOptions} */ (scan),
        ttl,
        purge,
        commands,
        // A mock counts characters.
        strlen: nodes.isMock ? (key) => bytesOf(client.get(key)) : (key) => client[strlen](key),
        pttl: (key) => client[pttl](key),
        page: { cursor: null, found: [], matched: 0, kept: 0, unknown: 0 },
      }
      try {
        return await readPage(look)
      } catch (error) {
        if (error === OUT_OF_STEP) return undefined
        throw error
      }
    },
    read: (page) => /** @type {Page} */ (page),
    isOfAnother: (page) => page === undefined,
  }
}

/** @param {Promise<unknown>} reply */
async function bytesOf(reply) {
  const text = await reply
  return typeof text === 'string' ? Buffer.byteLength(text) : 0
}

/** @param {Look} look */
async function readPage(look) {
  const { place, scan, ttl, purge, page } = look
  const isRemoval = scan.action === 'remove' || scan.action === 'dryRun'
  if (isRemoval && place.keyPrefix + place.prefix + scan.prefix === '') {
    throw failure(
      'INVALID_OPTIONS',
      'the option "prefix" of the storage is empty, so that every key of the database would count as a conversation; ' +
        'name the ids by { prefix }, or give the storage a prefix',
    )
  }
  const goesByAge = isRemoval && scan.before !== undefined
  if (goesByAge && purge === undefined) {
    throw failure(
      'UNSUPPORTED',
      'the client of the option "client" runs no scripts (it has no eval as ioredis has it), which purge() needs; ' +
        'give an ioredis or node-redis client',
    )
  }
  const batch = await readBatch(place, scan, goesByAge && ttl > 0)
  page.cursor = batch.next
  if (scan.action === 'remove' && !goesByAge) await removeAll(look, batch.ids)
  else if (scan.before !== undefined || scan.action === 'list') await judge(look, batch)
  else {
    page.matched = batch.ids.length
    if (scan.action === 'listIds') page.found = batch.ids.map((id) => ({ id }))
  }
  return page
}

/**
 * Returns the time of the server's clock before which a conversation must have been saved and touched to be removed.
 *
 * @param {ScanOptions} scan
 * @param {number} serverTime
 */
function oldBefore({ before }, serverTime) {
  // The server's time is past by now, so this is never later than the time that the scan means, and what is saved meanwhile is
  // never removed.
  const time = Math.floor(serverTime - (Date.now() - Number(before))) - ROUNDED_MS
  if (Number.isNaN(time)) throw OUT_OF_STEP
  return time
}

/**
 * Removes each if it is still as old.
 *
 * @param {Look} look
 * @param {[string, string[]][]} old ids, and how the script knows that they are old
 */
async function purgeAll({ place, scan, purge, page }, old) {
  const remove = scan.action === 'remove' ? '1' : '0'
  const words = await Promise.all(
    old.map(([id, proof]) => /** @type {Purge} */ (purge)(place.client, place.prefix + id, [...proof, remove])),
  )
  for (const word of words) {
    if (word === 'old') page.matched++
    else if (word === 'kept' || word === 'unknown') page[word]++
    else if (word !== 'gone') throw OUT_OF_STEP
  }
}

/**
 * @param {Look} look
 * @param {string[]} ids
 */
async function removeAll({ place, commands, page }, ids) {
  const { call, isOfAnother } = commands.delete
  const replies = await Promise.all(ids.map((id) => call(place.client, place.prefix + id, { kind: 'delete', id })))
  for (const reply of replies) {
    if (isOfAnother(reply)) throw OUT_OF_STEP
    page.matched += Number(reply)
  }
}

/**
 * Learns sizes and times.
 *
 * @param {Look} look
 * @param {string[]} ids
 */
async function candidatesOf(look, ids) {
  const { place, ttl } = look
  // As they are asked, not as they reply: a purge looks again, on the server, and a late reply must not make them younger.
  const now = Date.now()
  /** @param {string} id @returns {Promise<Candidate | undefined>} */
  const candidate = async (id) => {
    const key = place.prefix + id
    const [size, left] = (await Promise.all([unlessOfAnotherKind(look.strlen(key)), look.pttl(key)])).map(Number)
    if (size === undefined || left === undefined || Number.isNaN(left)) throw OUT_OF_STEP
    // It was deleted meanwhile, or replaced by a list.
    if (left === -2 || Number.isNaN(size)) return undefined
    // What has more time left was saved by a storage with another time to live.
    const savedAt = left >= 0 && ttl > 0 ? now - Math.max(0, ttl * 1_000 - left) : null
    return { id, size, left, savedAt }
  }
  const all = await Promise.all(ids.map(candidate))
  return all.filter((one) => one !== undefined)
}

/** @param {unknown} reply */
async function unlessOfAnotherKind(reply) {
  try {
    return await reply
  } catch (error) {
    if (/WRONGTYPE/.test(String(/** @type {any} */ (error)?.message))) return Number.NaN
    throw error
  }
}

/**
 * @param {Look} look
 * @param {Batch} batch
 */
async function judge(look, { ids, serverTime }) {
  const { place, scan, ttl, page } = look
  const isRemoval = scan.action === 'dryRun' || scan.action === 'remove'
  // The TIME of a mock is up to a second off.
  const goesByText = ttl === 0 || place.nodes.isMock
  const expiry = isRemoval && !goesByText ? ['T', String(ttl * 1_000), String(oldBefore(scan, serverTime))] : undefined
  const candidates = await candidatesOf(look, ids)
  /** @type {[string, string[]][]} */
  const old = []
  const texts = scan.before !== undefined && goesByText ? await textsOf(look, candidates) : undefined
  for (const { id, size, left, savedAt: known } of candidates) {
    const text = texts?.get(id)
    const now = Date.now()
    const savedAt = known ?? (text === undefined ? null : updatedAt(text))
    if (scan.before !== undefined && savedAt === null) page.unknown++
    else if (scan.before !== undefined && Math.min(Number(savedAt), now) >= scan.before) page.kept++
    else if (isRemoval) old.push([id, expiry ?? ['E', String(text), '']])
    else {
      page.matched++
      const details = { size, updatedAt: savedAt, expiresAt: left < 0 ? null : now + left }
      page.found.push(scan.action === 'list' ? { id, ...details } : { id })
    }
  }
  await purgeAll(look, old)
}

/**
 * @param {Look} look
 * @param {Candidate[]} candidates
 */
async function textsOf({ place, commands }, candidates) {
  /** @type {Map<string, string>} */
  const texts = new Map()
  for (let first = 0; first < candidates.length; first += TEXTS_AT_A_TIME) {
    const some = candidates.slice(first, first + TEXTS_AT_A_TIME)
    await Promise.all(
      some.map(async ({ id }) => {
        const reply = await unlessOfAnotherKind(
          commands.load.call(place.client, place.prefix + id, { kind: 'load', id }),
        )
        try {
          const text = readText(reply, () => '')
          if (typeof text === 'string') texts.set(id, text)
        } catch {
          // Bytes that are no text tell no age.
        }
      }),
    )
  }
  return texts
}

/**
 * Returns the `updatedAt` of a state; `null` if it has none in ms.
 *
 * @param {string} text
 */
function updatedAt(text) {
  try {
    const time = JSON.parse(text).updatedAt
    return typeof time === 'number' && time >= EARLIEST ? Math.floor(time) : null
  } catch {
    return null
  }
}

/**
 * @param {string} code
 * @param {string} reason
 */
function failure(code, reason) {
  return { code: `ERR_STORAGE_${code}`, reason }
}

module.exports = { NO_SCAN, scanCommandOf }
