'use strict'

/** @import { Context } from '../main.js' */
/** @import { StoredConversation } from '../../lib/list-types.js' */

const { expect, timeSpan } = require('../arguments.js')
const { confirm, needTerminal } = require('../ask.js')
const { forEach } = require('../each.js')
const { EXIT, usageError } = require('../failure.js')
const { readRaw, stateOf } = require('../raw.js')
const { openStore } = require('../store.js')
const { count, counted, printable } = require('../text.js')

const summary = 'Deletes conversations that are old.'

const usage = `
Usage: flowkit-storage prune STORE --older-than 90d [options]

  --older-than 90d    those that were neither saved nor touched for so long:
                      45m, 12h, 90d or 4w
  --ended             of them only those that have ended
  --prefix P          only ids that begin so
  --dry-run           deletes nothing, and says how many it would be
  -y, --yes           asks nothing; needed where there is no terminal

What somebody has locked stays, and so does what has no known age. In Redis the
age is only known with the ttl of the bot's storage: redis://localhost?ttl=86400
Exit code 4: some states could not be read, and were kept.
`

/** @type {import('../main.js').Command['options']} */
const options = {
  'older-than': { type: 'string' },
  ended: { type: 'boolean' },
  prefix: { type: 'string' },
  'dry-run': { type: 'boolean' },
  yes: { type: 'boolean', short: 'y' },
}

/** Milliseconds to wait for a lock. Whoever holds one is at work on the conversation, so that it is not old. */
const PATIENCE = 200

/**
 * @typedef {object} Search
 * @property {number} olderThan seconds
 * @property {string | undefined} prefix
 * @property {AbortSignal} signal
 *
 * @typedef {{ removed: number, kept: number, unknown: number, unreadable: number }} Sum
 */

/** @param {Context} context */
async function run(context) {
  const { positionals, values, err, signal } = context
  expect(positionals, ['STORE'])
  const olderThan = timeSpan(values['older-than'], '--older-than')
  if (olderThan === undefined) throw usageError('--older-than is missing. It takes a time, such as 90d.')
  const dryRun = values['dry-run'] === true
  if (!dryRun) needTerminal(context)
  const { storage, adapter, describe, close } = await openStore(/** @type {string} */ (positionals[0]), {
    mode: dryRun ? 'read' : 'write',
  })
  const search = { olderThan, prefix: values.prefix, signal }
  const prune = values.ended ? pruneEnded : pruneAll
  try {
    if (!dryRun && !values.yes) {
      const { removed } = await prune(storage, search, true, err)
      if (removed > 0) await confirm(context, `Delete ${counted(removed, 'conversation')} from ${describe}?`)
    }
    const sum = await prune(storage, search, dryRun, err)
    await tell(err, sum, dryRun, adapter)
    return sum.unreadable > 0 ? EXIT.partly : EXIT.done
  } finally {
    await close()
  }
}

/**
 * @param {any} storage
 * @param {Search} search
 * @param {boolean} dryRun
 * @returns {Promise<Sum>}
 */
async function pruneAll(storage, search, dryRun) {
  return { ...(await storage.purge({ ...search, dryRun })), unreadable: 0 }
}

/**
 * @param {any} storage
 * @param {Search} search
 * @param {boolean} dryRun
 * @param {Context['err']} err
 * @returns {Promise<Sum>}
 */
async function pruneEnded(storage, { olderThan, prefix, signal }, dryRun, err) {
  const sum = { removed: 0, kept: 0, unknown: 0, unreadable: 0 }
  const before = Math.max(0, Date.now() - olderThan * 1_000)
  const progress = err.progress('reading')
  const one = async (/** @type {StoredConversation} */ { id, updatedAt }) => {
    progress.add()
    if (updatedAt === null) sum.unknown++
    else if (updatedAt >= before) sum.kept++
    else sum[await pruneOne(storage, id, before, dryRun)]++
  }
  try {
    await forEach(storage.list({ prefix, signal }), one)
  } finally {
    progress.end()
  }
  return sum
}

/**
 * @param {any} storage
 * @param {string} id
 * @param {number} before ms since 1970
 * @param {boolean} dryRun
 * @returns {Promise<'removed' | 'kept' | 'unreadable'>}
 */
async function pruneOne(storage, id, before, dryRun) {
  try {
    if (!(await isOver(storage, id, before))) return 'kept'
    if (dryRun) return 'removed'
    // In a lock, so that nobody is in the middle of a turn. What somebody saved or touched since then stays.
    const prune = async () => {
      if (!(await isOver(storage, id, before))) return 'kept'
      await storage.delete(id)
      return 'removed'
    }
    return await storage.withLock(id, prune, { wait: PATIENCE })
  } catch (/** @type {any} */ error) {
    if (error.code === 'ERR_STORAGE_CONFLICT' || (error.code === 'ERR_STORAGE_TIMEOUT' && error.operation === 'lock')) {
      return 'kept'
    }
    if (error.code === 'ERR_STORAGE_CORRUPT') return 'unreadable'
    throw error
  }
}

/**
 * Returns whether a conversation has ended, and is old.
 *
 * @param {any} storage
 * @param {string} id
 * @param {number} before ms since 1970
 */
async function isOver(storage, id, before) {
  const raw = await readRaw(storage, id)
  if (raw === null || raw.updatedAt === null || raw.updatedAt >= before) return false
  return stateOf(storage, id, raw.text).ended === true
}

/**
 * @param {Context['err']} err
 * @param {Sum} sum
 * @param {boolean} dryRun
 * @param {string} adapter
 */
async function tell(err, { removed, kept, unknown, unreadable }, dryRun, adapter) {
  const done = dryRun ? 'would be deleted' : 'deleted'
  const parts = [`${counted(removed, 'conversation')} ${done}`, `${count(kept)} kept`]
  if (unknown > 0) parts.push(`${count(unknown)} of unknown age kept`)
  if (unreadable > 0) parts.push(`${count(unreadable)} that cannot be read kept`)
  await err.line(`${parts.join(', ')}.`)
  if (unknown > 0 && adapter === 'redis') {
    await err.line(
      printable('Redis tells an age only if STORE has the parameter ttl, such as redis://localhost?ttl=86400.'),
    )
  }
}

module.exports = { summary, usage, options, run }
