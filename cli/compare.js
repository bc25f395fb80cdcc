'use strict'

/** @import { Context } from './main.js' */
/** @typedef {AsyncIterable<{ id: string, size?: number }>} List */

const { forEach } = require('./each.js')
const { decide } = require('./decide.js')
const { readRaw } = require('./raw.js')
const { printable } = require('./text.js')

/**
 * How two stores differ in one conversation: `=` they are equal, `*` they differ, `+` it is only in FROM, `-` only in TO, `!` it cannot
 * be read.
 *
 * @typedef {'=' | '*' | '+' | '-' | '!'} Sign
 */

/** Conversations by sign. */
function newSum() {
  return { '=': 0, '*': 0, '+': 0, '-': 0, '!': 0 }
}

/**
 * Compares each conversation of FROM with the one in TO, byte for byte. Nothing is remembered of those that were compared.
 *
 * @param {any} from
 * @param {any} to
 * @param {{ prefix?: string, signal: AbortSignal }} search
 * @param {(sign: Sign, id: string, isNewerThere: boolean) => unknown} tell called for each, and awaited
 * @param {Context['err']} err
 */
async function compareAll(from, to, search, tell, err) {
  await lookAtAll('comparing', from.list(search), tell, err, async (id) => {
    const one = await readRaw(from, id)
    if (one === null) return
    const other = await readRaw(to, id)
    const isNewerThere = other !== null && decide(one, other, 'older') === 'kept'
    await tell(other === null ? '+' : other.text === one.text ? '=' : '*', id, isNewerThere)
  })
}

/**
 * Finds the conversations of TO that FROM has not. It asks for each, so that no list of ids has to fit into memory.
 *
 * @param {any} from
 * @param {any} to
 * @param {{ prefix?: string, signal: AbortSignal }} search
 * @param {(sign: Sign, id: string, isNewerThere: boolean) => unknown} tell
 * @param {Context['err']} err
 */
async function findOthers(from, to, search, tell, err) {
  await lookAtAll('looking for others', to.list({ ...search, details: false }), tell, err, async (id) => {
    if (!(await from.has(id))) await tell('-', id, false)
  })
}

/**
 * Does `look` for each conversation of a list. Tells of those that fail, and goes on.
 *
 * @param {string} what for the progress bar
 * @param {List} list
 * @param {(sign: Sign, id: string, isNewerThere: boolean) => unknown} tell
 * @param {Context['err']} err
 * @param {(id: string) => Promise<void>} look
 */
async function lookAtAll(what, list, tell, err, look) {
  const progress = err.progress(what)
  try {
    await forEach(list, async ({ id }) => {
      try {
        await look(id)
      } catch (error) {
        await tellFailure(error, id, tell, err)
      } finally {
        progress.add()
      }
    })
  } finally {
    progress.end()
  }
}

/**
 * @param {any} error
 * @param {string} id
 * @param {(sign: Sign, id: string, isNewerThere: boolean) => unknown} tell
 * @param {Context['err']} err
 */
async function tellFailure(error, id, tell, err) {
  // Of a store that is gone, each of the others would wait as long, and fail.
  if (error.name !== 'StorageError' || error.code === 'ERR_STORAGE_UNAVAILABLE') throw error
  await err.line(printable(error.message))
  await tell('!', id, false)
}

module.exports = { compareAll, findOthers, newSum }
