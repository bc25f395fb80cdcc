'use strict'

/** @import { Context } from '../main.js' */
/** @typedef {AsyncIterable<import('../../lib/list-types.js').StoredConversation>} List */

const { expect } = require('../arguments.js')
const { forEach } = require('../each.js')
const { EXIT } = require('../failure.js')
const { readRaw, stateOf } = require('../raw.js')
const { writeRecord } = require('../record.js')
const { openStore } = require('../store.js')
const { count, counted, printable } = require('../text.js')

const summary = 'Writes conversations as lines of JSON.'

const usage = `
Usage: flowkit-storage export STORE [--prefix P] > all.ndjson

A line each: {"id":…,"updatedAt":…,"state":…}, with "expiresAt" if it expires. "state" is the stored text, byte
for byte. A text with line breaks, as the option "pretty" writes it, is in "text" instead: as a string, so that
it also comes back byte for byte. Times are in ms since 1970.
What is no state is listed, and left out.
Exit code 4: some could not be read.
`

/** @type {import('../main.js').Command['options']} */
const options = { prefix: { type: 'string' } }

/** @param {Context} context */
async function run({ positionals, values, out, err, signal }) {
  expect(positionals, ['STORE'])
  const { storage, close } = await openStore(/** @type {string} */ (positionals[0]), { mode: 'read' })
  const sum = { written: 0, failed: 0 }
  const search = { prefix: values.prefix, signal }
  const progress = err.progress('exporting')
  const one = async (/** @type {{ id: string }} */ { id }) => {
    progress.add()
    try {
      const raw = await readRaw(storage, id)
      if (raw === null) return
      stateOf(storage, id, raw.text)
      await out.line(out.safeJson(writeRecord(id, raw)))
      sum.written++
    } catch (/** @type {any} */ error) {
      if (error.code !== 'ERR_STORAGE_CORRUPT') throw error
      sum.failed++
      await err.line(printable(error.message))
    }
  }
  try {
    await forEach(/** @type {List} */ (storage.list(search)), one)
    await out.flush()
  } finally {
    progress.end()
    await close()
  }
  const failed = sum.failed > 0 ? `, ${count(sum.failed)} failed: see above` : ''
  await err.line(`${counted(sum.written, 'conversation')} exported${failed}.`)
  return sum.failed > 0 ? EXIT.partly : EXIT.done
}

module.exports = { summary, usage, options, run }
