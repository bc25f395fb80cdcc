'use strict'

/** @import { Context } from '../main.js' */

const { createInterface } = require('node:readline')

const { expect } = require('../arguments.js')
const { confirm, needTerminal } = require('../ask.js')
const { EXIT, usageError } = require('../failure.js')
const { openStore } = require('../store.js')
const { counted, printable } = require('../text.js')

const summary = 'Deletes conversations.'

const usage = `
Usage: flowkit-storage rm STORE ID… [options]

  --stdin       also those that the standard input names, a line each: a JSON
                text or an object with an "id", as from "ls --json"
  -y, --yes     asks nothing; needed where there is no terminal

An ID that begins with "-" goes behind "--".
Exit code 1: none of them was there; 4: some were not there, or could not be
deleted.
`

/** @type {import('../main.js').Command['options']} */
const options = { stdin: { type: 'boolean' }, yes: { type: 'boolean', short: 'y' } }

/** @param {Context} context */
async function run(context) {
  const { positionals, values, err, signal } = context
  expect(positionals, values.stdin ? ['STORE'] : ['STORE', 'ID'], true)
  needTerminal(context)
  const [place, ...ids] = /** @type {[string, ...string[]]} */ (positionals)
  const { storage, describe, close } = await openStore(place, { mode: 'write' })
  const sum = { removed: 0, missing: 0, failed: 0 }
  try {
    const what =
      ids.length === 1 ? `conversation ${printable(JSON.stringify(ids[0]))}` : counted(ids.length, 'conversation')
    await confirm(context, `Delete ${what} from ${describe}?`)
    for await (const id of all(ids, values.stdin)) {
      if (signal.aborted) throw signal.reason
      await remove(storage, id, sum, err)
    }
  } finally {
    await close()
  }
  const missing = sum.missing > 0 ? `, ${sum.missing} not there` : ''
  const failed = sum.failed > 0 ? `, ${sum.failed} failed` : ''
  await err.line(`${counted(sum.removed, 'conversation')} deleted${missing}${failed}.`)
  if (sum.missing + sum.failed === 0) return EXIT.done
  return sum.removed === 0 ? EXIT.failed : EXIT.partly
}

/**
 * @param {any} storage
 * @param {string} id
 * @param {{ removed: number, missing: number, failed: number }} sum
 * @param {Context['err']} err
 */
async function remove(storage, id, sum, err) {
  try {
    if (await storage.has(id)) {
      await storage.delete(id)
      sum.removed++
    } else {
      sum.missing++
      await err.line(`There is no conversation ${printable(JSON.stringify(id))}.`)
    }
  } catch (/** @type {any} */ error) {
    // Each of the others would wait as long, and fail.
    if (error.name !== 'StorageError' || error.code === 'ERR_STORAGE_UNAVAILABLE') throw error
    sum.failed++
    await err.line(printable(error.message))
  }
}

/**
 * @param {string[]} ids
 * @param {boolean} stdin
 */
async function* all(ids, stdin) {
  yield* ids
  if (!stdin) return
  let number = 0
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (line.trim() !== '') yield readId(line, number)
  }
}

/**
 * @param {string} line
 * @param {number} number
 */
function readId(line, number) {
  let value
  try {
    value = JSON.parse(line)
  } catch {}
  const id = typeof value === 'string' ? value : value?.id
  if (typeof id === 'string') return id
  throw usageError(`Line ${number} of the standard input is neither a JSON text nor an object with an "id".`)
}

module.exports = { summary, usage, options, run }
