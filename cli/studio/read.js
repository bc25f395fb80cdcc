'use strict'

/** @typedef {import('./conversations.js').Storage} Storage */
/** @typedef {import('../raw.js').Raw & { problem?: string }} Stored `problem` says why there is no whole text */

const { constants } = require('node:fs')
const { open } = require('node:fs/promises')

const { internalOf } = require('../../lib/perform.js')
const { readRaw } = require('../raw.js')

/** The bytes of a broken file that are shown. */
const BROKEN_BYTES = 100_000

/**
 * Resolves with the stored text of a conversation and its age, also if it is no state; `null` if there is none.
 *
 * @param {Storage} storage
 * @param {string} id
 * @returns {Promise<Stored | null>}
 */
async function read(storage, id) {
  try {
    return await readRaw(storage, id)
  } catch (error) {
    const { code, message } = /** @type {InstanceType<typeof import('../../index.js').StorageError>} */ (error)
    if (code !== 'ERR_STORAGE_CORRUPT') throw error
    // A file that is not UTF-8, or no file at all. There is no text then, but there may be bytes to show.
    const { adapter, handle } = internalOf(storage)
    const text = adapter === 'file' ? await readBytes(handle.location(id)) : ''
    return { text, updatedAt: null, expiresAt: null, problem: message }
  }
}

/**
 * Resolves with the first bytes of a file as text; empty if it is none. A planted link is not followed, and a pipe not waited for.
 *
 * @param {string} path
 */
async function readBytes(path) {
  let file
  try {
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    if (!(await file.stat()).isFile()) return ''
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BROKEN_BYTES))
    return buffer.toString('utf8', 0, bytesRead)
  } catch {
    return ''
  } finally {
    await file?.close()
  }
}

module.exports = { read }
