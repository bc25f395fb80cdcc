'use strict'

/** @import { Context } from '../main.js' */
/** @import { Overwrite } from '../decide.js' */
/** @import { Raw } from '../raw.js' */
/** @typedef {AsyncIterable<import('../../lib/list-types.js').StoredConversation>} List */

const { expect, oneOf, wholeNumber } = require('../arguments.js')
const { compareAll, newSum } = require('../compare.js')
const { forEach } = require('../each.js')
const { EXIT } = require('../failure.js')
const { readRaw, stateOf } = require('../raw.js')
const { openStore } = require('../store.js')
const { openTarget } = require('../target.js')
const { count, printable } = require('../text.js')
const { Transfer } = require('../transfer.js')

const summary = 'Copies conversations from one store to another.'

const usage = `
Usage: flowkit-storage copy FROM TO [options]

  --prefix P                        only ids that begin so
  --overwrite never|older|always    what to do with another text in TO; by default only an
                                    older one is replaced
  --dry-run                         copies nothing, and lists what would be: "+ id" is new,
                                    "* id" replaces another
  --check                           reads everything again afterwards, and compares it
  --concurrency N                   how many at the same time, by default 64
  --json                            the numbers as a line of JSON

Each text is copied byte for byte, and as old as it is. An equal one is left alone: so a copy that was
ended may be started again, and goes on. TO may be in use meanwhile. What cannot be read is listed and
left out. Nothing is ever deleted.
Redis alone keeps an expiry for each conversation. Name the ttl of the bots, redis://localhost?ttl=86400,
so that what comes from files or SQLite expires there.
Exit code 1: nothing could be copied; 3: --check found a difference; 4: some could not be copied.
`

/** @type {import('../main.js').Command['options']} */
const options = {
  prefix: { type: 'string' },
  overwrite: { type: 'string' },
  'dry-run': { type: 'boolean' },
  check: { type: 'boolean' },
  concurrency: { type: 'string' },
  json: { type: 'boolean' },
}

/** More at the same time do not make it faster, and take memory. */
const MOST = 1_024

/** @param {Context} context */
async function run(context) {
  const { positionals, values } = context
  expect(positionals, ['FROM', 'TO'])
  const overwrite = oneOf(values.overwrite, '--overwrite', /** @type {const} */ (['never', 'older', 'always']))
  const concurrency = Math.min(wholeNumber(values.concurrency, '--concurrency') ?? 64, MOST)
  const isDry = values['dry-run'] === true
  const [one, other] = /** @type {[string, string]} */ (positionals)
  const from = await openStore(one, { mode: 'read' })
  try {
    const to = await openTarget(other, isDry)
    try {
      const settings = { overwrite: overwrite ?? 'older', isDry, concurrency }
      return await copy(from.storage, to.storage, context, settings)
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}

/**
 * Copies from one open storage to another. Returns the exit code.
 *
 * @param {any} from
 * @param {any} to
 * @param {Pick<Context, 'values' | 'out' | 'err' | 'signal'>} context
 * @param {{ overwrite: Overwrite, isDry: boolean, concurrency: number }} settings
 */
async function copy(from, to, { values, out, err, signal }, { overwrite, isDry, concurrency }) {
  const search = { prefix: values.prefix, signal }
  const counting = new AbortController()
  const transfer = new Transfer(to, { overwrite, isDry }, err)
  const progress = err.progress('copying', err.isTerminal ? countAll(from, search, counting.signal) : undefined)
  const one = async (/** @type {{ id: string }} */ { id }) => {
    const effect = await transfer.one(id, () => read(from, id))
    if (isDry && effect === 'new') await out.line(`+ ${printable(id)}`)
    if (isDry && effect === 'replaced') await out.line(`* ${printable(id)}`)
    progress.add()
  }
  try {
    await forEach(/** @type {List} */ (from.list(search)), one, concurrency)
  } finally {
    counting.abort()
    progress.end()
    await out.flush()
    if (values.json) await out.json(transfer.numbers)
    await err.line(transfer.text)
  }
  const { exitCode } = transfer
  if (!values.check || isDry) return exitCode
  return (await isCopied(from, to, search, out, err)) ? exitCode : exitCode || EXIT.differences
}

/**
 * Counts the conversations, for the bar; `undefined` if that is not possible. Those that are copied do not wait for it.
 *
 * @param {any} storage
 * @param {{ prefix?: string, signal: AbortSignal }} search
 * @param {AbortSignal} end
 * @returns {Promise<number | undefined>}
 */
async function countAll(storage, search, end) {
  try {
    return await storage.count({ ...search, signal: AbortSignal.any([search.signal, end]) })
  } catch {
    return undefined
  }
}

/**
 * Returns the text of a conversation and its age. One that no bot could load is not copied over one that it can.
 *
 * @param {any} storage
 * @param {string} id
 * @returns {Promise<Raw | null>}
 */
async function read(storage, id) {
  const raw = await readRaw(storage, id)
  if (raw !== null) stateOf(storage, id, raw.text)
  return raw
}

/**
 * Returns whether TO has everything that FROM has, and tells.
 *
 * @param {any} from
 * @param {any} to
 * @param {{ prefix?: string, signal: AbortSignal }} search
 * @param {Context['out']} out
 * @param {Context['err']} err
 */
async function isCopied(from, to, search, out, err) {
  const sum = newSum()
  let newer = 0
  await compareAll(
    from,
    to,
    search,
    async (sign, id, isNewerThere) => {
      if (sign === '*' && isNewerThere) newer++
      else sum[sign]++
      if (sign === '+' || (sign === '*' && !isNewerThere)) await out.line(`${sign} ${printable(id)}`)
    },
    err,
  )
  await out.flush()
  const parts = [`${count(sum['='])} equal`]
  if (newer > 0) parts.push(`${count(newer)} newer there`)
  if (sum['*'] + sum['+'] > 0) parts.push(`${count(sum['*'])} differ`, `${count(sum['+'])} missing`)
  if (sum['!'] > 0) parts.push(`${count(sum['!'])} cannot be read`)
  await err.line(`Checked: ${parts.join(', ')}.`)
  return sum['*'] + sum['+'] + sum['!'] === 0
}

module.exports = { summary, usage, options, run, copy }
