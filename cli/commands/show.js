'use strict'

/** @import { Context } from '../main.js' */

const { expect, wholeNumber } = require('../arguments.js')
const { CliError, EXIT } = require('../failure.js')
const { readRaw, stateOf } = require('../raw.js')
const { openStore } = require('../store.js')
const { counted, cut, pad, printable, printableProse, size, when, wrap } = require('../text.js')

const summary = 'Shows one conversation as a dialogue.'

const usage = `
Usage: flowkit-storage show STORE ID [options]

  --last N    only the last N messages
  --json      the stored text, byte for byte. On a terminal, what could harm it
              is escaped.

An ID that begins with "-" goes behind "--".
`

/** @type {import('../main.js').Command['options']} */
const options = { last: { type: 'string' }, json: { type: 'boolean' } }

/** The columns of who speaks. */
const SPEAKER = 9

/** @param {Context} context */
async function run({ positionals, values, out }) {
  expect(positionals, ['STORE', 'ID'])
  const [place, id] = /** @type {[string, string]} */ (positionals)
  const last = wholeNumber(values.last, '--last')
  const { storage, describe, close } = await openStore(place, { mode: 'read' })
  try {
    const raw = await readRaw(storage, id)
    if (raw === null) throw new CliError(`There is no conversation ${JSON.stringify(id)} in ${describe}.`)
    if (values.json) {
      await out.write(out.safeJson(raw.text))
      // The text itself has no end of line, and the prompt would follow it.
      if (out.isTerminal) await out.line()
      return EXIT.done
    }
    await showState(out, id, read(storage, id, raw.text), raw, last)
    return EXIT.done
  } finally {
    await close()
  }
}

/**
 * @param {any} storage
 * @param {string} id
 * @param {string} text
 * @returns {Record<string, any>}
 */
function read(storage, id, text) {
  try {
    return stateOf(storage, id, text)
  } catch (/** @type {any} */ error) {
    throw new CliError(`${error.message} "--json" prints it as it is.`, EXIT.failed, error)
  }
}

/**
 * @param {Context['out']} out
 * @param {string} id
 * @param {Record<string, any>} state
 * @param {import('../raw.js').Raw} raw
 * @param {number | undefined} last
 */
async function showState(out, id, state, { text, updatedAt, expiresAt }, last) {
  const history = Array.isArray(state.history) ? state.history : []
  const facts = [
    `step ${inOneLine(state.currentStep)}`,
    state.ended === true ? 'ended' : 'open',
    counted(history.length, 'message'),
    size(Buffer.byteLength(text)),
    ...(updatedAt === null ? [] : [`saved ${when(updatedAt)}`]),
    ...(expiresAt === null ? [] : [`expires ${when(expiresAt)}`]),
  ]
  await out.line(out.style('bold', printable(id)))
  await out.line(out.style('dim', facts.join(' · ')))
  const shown = last === undefined ? history : history.slice(-last)
  if (shown.length > 0) await out.line()
  if (shown.length < history.length) {
    await out.line(out.style('dim', `(${counted(history.length - shown.length, 'earlier message')})`))
  }
  for (const message of shown) await say(out, message)
  const slots = Object.entries(state.slots ?? {})
  if (slots.length === 0) return
  await out.line()
  await out.line(out.style('dim', 'SLOTS'))
  // Those of FlowKit itself come last.
  slots.sort(([a], [b]) => Number(a.startsWith('_')) - Number(b.startsWith('_')))
  await out.table(
    slots.map(([name, value]) => [printable(cut(name, 40)), inOneLine(value)]),
    ['left', 'left'],
  )
}

/**
 * @param {Context['out']} out
 * @param {any} message
 */
async function say(out, message) {
  const role = cut(inOneLine(message?.role ?? '?'), SPEAKER)
  const speaker = out.style(role === 'user' ? 'cyan' : 'green', pad(role, SPEAKER))
  const content = typeof message?.content === 'string' ? message.content : JSON.stringify(message?.content ?? message)
  const lines = content.split(/\r\n|\n/).flatMap((/** @type {string} */ line) => {
    const safe = printableProse(line)
    return out.isTerminal ? wrap(safe, out.columns - SPEAKER - 2) : [safe]
  })
  for (const [at, line] of lines.entries()) {
    await out.line(`${at === 0 ? speaker : ' '.repeat(SPEAKER)}  ${line}`.trimEnd())
  }
}

/**
 * Returns a text as it is, and any other value as JSON.
 *
 * @param {unknown} value
 */
function inOneLine(value) {
  return printable(typeof value === 'string' ? value : (JSON.stringify(value) ?? '-'))
}

module.exports = { summary, usage, options, run }
