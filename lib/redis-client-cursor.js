'use strict'

const { etagOf } = require('./locks/conditions.js')

/**
 * Where a page begins, in another process too. `crates/store/src/redis/scan/cursor.rs` writes and reads the same text, and says what
 * each part is for.
 *
 * @typedef {object} Cursor
 * @property {number} restarts how often the look began anew
 * @property {string} server the digest of the server process
 * @property {string} at the cursor of `SCAN`
 * @property {string[]} done the digests of the conversations that are done, of those that `SCAN` returns there
 * @property {string} node the master of a cluster, behind the digest of its slots and an `@`; empty for a single server
 */

/** How many conversations of one `SCAN` a cursor can name. */
const MOST_DONE = 700
/** After so many other servers none is told from another any more. */
const MOST_RESTARTS = 3

/** @type {Cursor} */
const START = { restarts: 0, server: '', at: '0', done: [], node: '' }

const PARTS = /^r([0-3]):(\d{1,20}):((?:[0-9a-f]{12})?):((?:[0-9a-f]{12})*):((?:[0-9a-f]{12}@.+)?)$/

/**
 * @param {string | undefined} text
 * @returns {Cursor}
 */
function readCursor(text) {
  if (text === undefined) return START
  const parts = PARTS.exec(text)
  if (parts === null) {
    const reason = 'the option "cursor" must be one that list() of this storage returned'
    throw { code: 'ERR_STORAGE_INVALID_OPTIONS', reason }
  }
  const [, restarts, at = '', server = '', done = '', node = ''] = parts
  return { restarts: Number(restarts), at, server, done: done.match(/.{12}/g) ?? [], node }
}

/** @param {Cursor} cursor */
function writeCursor({ restarts, at, server, done, node }) {
  return `r${restarts}:${at}:${server}:${done.join('')}:${node}`
}

/**
 * Returns what names `text` in a cursor.
 *
 * @param {string} text
 */
function digest(text) {
  return etagOf(text).slice(0, 12)
}

module.exports = { MOST_DONE, MOST_RESTARTS, START, digest, readCursor, writeCursor }
