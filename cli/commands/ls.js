'use strict'

/** @import { Context } from '../main.js' */
/** @import { StoredConversation } from '../../lib/list-types.js' */

const { expect, oneOf, timeSpan, wholeNumber } = require('../arguments.js')
const { EXIT, usageError } = require('../failure.js')
const { openStore } = require('../store.js')
const { counted, pad, printable, size, when } = require('../text.js')
const { Top } = require('../top.js')

const summary = 'Lists the conversations.'

const usage = `
Usage: flowkit-storage ls STORE [options]

  --prefix P             only ids that begin so
  --older-than 30d       only those that were last saved or touched before
  --sort updated|size    the newest or the largest first; --limit of them,
                         by default 50
  --limit N              at most so many
  --ids                  ids alone, a line each
  --json                 a line of JSON each: id, size, updatedAt, expiresAt

Without --sort there is no order, and a list of any length takes little memory.
In ids, what could harm a terminal is shown as \\uXXXX. --json has them exactly.
`

/** @type {import('../main.js').Command['options']} */
const options = {
  prefix: { type: 'string' },
  'older-than': { type: 'string' },
  sort: { type: 'string' },
  limit: { type: 'string' },
  ids: { type: 'boolean' },
  json: { type: 'boolean' },
}

/** @type {Record<string, (a: StoredConversation, b: StoredConversation) => number>} */
const ORDERS = {
  updated: (a, b) => (b.updatedAt ?? 0) - (a.updatedAt ?? 0) || compareIds(a, b),
  size: (a, b) => b.size - a.size || compareIds(a, b),
}

/** @param {Context} context */
async function run({ positionals, values, out, err, signal }) {
  expect(positionals, ['STORE'])
  if (values.ids && values.json) throw usageError('--ids and --json exclude each other.')
  const age = timeSpan(values['older-than'], '--older-than')
  const sort = oneOf(values.sort, '--sort', ['updated', 'size'])
  const limit = wholeNumber(values.limit, '--limit')
  const store = await openStore(/** @type {string} */ (positionals[0]), { mode: 'read' })
  try {
    const list = store.storage.list({
      prefix: values.prefix,
      updatedBefore: age === undefined ? undefined : Math.max(0, Date.now() - age * 1_000),
      limit: sort === undefined ? limit : undefined,
      // Ids alone are several times as fast.
      details: !(values.ids && sort === undefined),
      signal,
    })
    let listed = 0
    for await (const conversation of sort === undefined ? list : sorted(list, sort, limit ?? 50)) {
      if (values.json) await out.json(conversation)
      else if (values.ids) await out.line(printable(conversation.id))
      else {
        if (listed === 0) await out.line(out.style('dim', row('UPDATED', 'EXPIRES', 'SIZE', 'ID')))
        const { id, size: bytes, updatedAt, expiresAt } = conversation
        await out.line(row(when(updatedAt), when(expiresAt), size(bytes), out.style('bold', printable(id))))
      }
      listed++
    }
    if (!values.json && !values.ids) {
      await out.flush()
      await err.line(listed === 0 ? 'No conversations.' : `${counted(listed, 'conversation')}.`)
    }
    return EXIT.done
  } finally {
    await store.close()
  }
}

/**
 * @param {AsyncIterable<StoredConversation>} list
 * @param {'updated' | 'size'} sort
 * @param {number} limit
 */
async function* sorted(list, sort, limit) {
  const top = new Top(limit, /** @type {(a: StoredConversation, b: StoredConversation) => number} */ (ORDERS[sort]))
  for await (const conversation of list) top.add(conversation)
  // Redis may list one twice.
  let before
  for (const conversation of top.items()) {
    if (conversation.id !== before) yield conversation
    before = conversation.id
  }
}

/**
 * @param {StoredConversation} a
 * @param {StoredConversation} b
 */
function compareIds(a, b) {
  return a.id < b.id ? -1 : a.id === b.id ? 0 : 1
}

/**
 * The id comes last: its width is not known before all are read.
 *
 * @param {string} updated
 * @param {string} expires
 * @param {string} bytes
 * @param {string} id
 */
function row(updated, expires, bytes, id) {
  return `${pad(updated, 10)}  ${pad(expires, 8)}  ${pad(bytes, 7, 'right')}  ${id}`
}

module.exports = { summary, usage, options, run }
