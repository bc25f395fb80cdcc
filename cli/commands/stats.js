'use strict'

/** @import { Context } from '../main.js' */
/** @import { StoredConversation } from '../../lib/list-types.js' */

const { expect } = require('../arguments.js')
const { forEach } = require('../each.js')
const { EXIT } = require('../failure.js')
const { readRaw, stateOf } = require('../raw.js')
const { openStore } = require('../store.js')
const { count, printable, size, when } = require('../text.js')
const { Top } = require('../top.js')

const summary = 'Counts the conversations, their bytes and ages.'

const usage = `
Usage: flowkit-storage stats STORE [options]

  --prefix P    only ids that begin so
  --quick       reads no states, so that those that have ended are not counted
  --json        the same as one line of JSON

It takes little memory, however many there are. Redis may list one twice while
keys come and go.
Exit code 4: some states cannot be read; "flowkit-storage doctor" names them.
`

/** @type {import('../main.js').Command['options']} */
const options = { prefix: { type: 'string' }, quick: { type: 'boolean' }, json: { type: 'boolean' } }

/** The upper ends of the sizes that are counted together, in bytes. */
const STEPS = [300, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, Number.POSITIVE_INFINITY]

const LARGEST = 10

/** @param {Context} context */
async function run({ positionals, values, out, err, signal }) {
  expect(positionals, ['STORE'])
  const { storage, close } = await openStore(/** @type {string} */ (positionals[0]), { mode: 'read' })
  const sum = new Sum(!values.quick)
  const progress = err.progress('reading')
  try {
    await forEach(storage.list({ prefix: values.prefix, signal }), async (/** @type {StoredConversation} */ found) => {
      sum.add(found)
      if (!values.quick) await sum.read(storage, found.id)
      progress.add()
    })
  } finally {
    progress.end()
    await close()
  }
  const result = sum.result()
  if (values.json) await out.json(result)
  else await print(out, result)
  if (sum.unreadable === 0) return EXIT.done
  await out.flush()
  await err.line(`${count(sum.unreadable)} cannot be read: "flowkit-storage doctor" names them.`)
  return EXIT.partly
}

class Sum {
  conversations = 0
  bytes = 0
  expiring = 0
  withoutAge = 0
  ended = 0
  unreadable = 0
  /** @type {StoredConversation | undefined} */
  oldest
  /** @type {StoredConversation | undefined} */
  newest
  sizes = STEPS.map(() => 0)
  /** @type {InstanceType<typeof Top<StoredConversation>>} */
  largest = new Top(LARGEST, (a, b) => b.size - a.size || (a.id < b.id ? -1 : 1))

  /** @param {boolean} readsStates */
  constructor(readsStates) {
    this.readsStates = readsStates
  }

  /** @param {StoredConversation} found */
  add(found) {
    this.conversations++
    this.bytes += found.size
    if (found.expiresAt !== null) this.expiring++
    const step = STEPS.findIndex((end) => found.size <= end)
    this.sizes[step] = (this.sizes[step] ?? 0) + 1
    this.largest.add(found)
    if (found.updatedAt === null) this.withoutAge++
    else {
      if (found.updatedAt < (this.oldest?.updatedAt ?? Number.POSITIVE_INFINITY)) this.oldest = found
      if (found.updatedAt > (this.newest?.updatedAt ?? -1)) this.newest = found
    }
  }

  /**
   * @param {any} storage
   * @param {string} id
   */
  async read(storage, id) {
    try {
      const raw = await readRaw(storage, id)
      // One that was deleted meanwhile has not ended.
      if (raw !== null && stateOf(storage, id, raw.text).ended === true) this.ended++
    } catch (/** @type {any} */ error) {
      if (error.code !== 'ERR_STORAGE_CORRUPT' && error.code !== 'ERR_STORAGE_DENIED') throw error
      this.unreadable++
    }
  }

  result() {
    const { conversations, bytes, expiring, withoutAge } = this
    const end = (/** @type {StoredConversation | undefined} */ found) =>
      found === undefined ? null : { id: found.id, updatedAt: found.updatedAt }
    return {
      conversations,
      bytes,
      ended: this.readsStates ? this.ended : null,
      unreadable: this.readsStates ? this.unreadable : null,
      expiring,
      withoutAge,
      oldest: end(this.oldest),
      newest: end(this.newest),
      sizes: STEPS.map((upTo, at) => ({
        upTo: Number.isFinite(upTo) ? upTo : null,
        conversations: this.sizes[at] ?? 0,
      })).filter((each) => each.conversations > 0),
      largest: unique(this.largest.items()).map((each) => ({ id: each.id, size: each.size })),
    }
  }
}

/** @param {StoredConversation[]} items of which neighbours may be one conversation, listed twice */
function unique(items) {
  return items.filter((item, at) => item.id !== items[at - 1]?.id)
}

/**
 * @param {Context['out']} out
 * @param {ReturnType<Sum['result']>} result
 */
async function print(out, result) {
  const share = (/** @type {number} */ part) =>
    result.conversations === 0 ? '' : `  (${Math.round((100 * part) / result.conversations)} %)`
  const rows = [
    ['conversations', count(result.conversations)],
    ['bytes', count(result.bytes) + (result.bytes < 1_000 ? '' : `  (${size(result.bytes)})`)],
    ['ended', result.ended === null ? 'not counted' : count(result.ended) + share(result.ended)],
    ['expiring', count(result.expiring) + share(result.expiring)],
  ]
  if (result.unreadable) rows.push(['unreadable', count(result.unreadable) + share(result.unreadable)])
  if (result.withoutAge > 0) rows.push(['of unknown age', count(result.withoutAge) + share(result.withoutAge)])
  for (const name of /** @type {const} */ (['oldest', 'newest'])) {
    const found = result[name]
    if (found !== null) rows.push([name, `${when(found.updatedAt)}  ${printable(found.id)}`])
  }
  await out.table(rows, ['left', 'left'])
  if (result.conversations === 0) return
  await out.line(`\n${out.style('dim', 'SIZES')}`)
  const most = Math.max(...result.sizes.map((each) => each.conversations))
  const sizes = result.sizes.map(({ upTo, conversations }) => [
    upTo === null ? 'larger' : `up to ${size(upTo)}`,
    count(conversations),
    '█'.repeat(Math.ceil((24 * conversations) / most)),
  ])
  await out.table(sizes, ['left', 'right', 'left'])
  await out.line(`\n${out.style('dim', 'LARGEST')}`)
  await out.table(
    result.largest.map((each) => [size(each.size), printable(each.id)]),
    ['right', 'left'],
  )
}

module.exports = { summary, usage, options, run }
