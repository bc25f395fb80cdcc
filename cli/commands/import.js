'use strict'

/** @import { Context } from '../main.js' */
/** @import { Line } from '../lines.js' */

const { fstatSync } = require('node:fs')

const { expect, oneOf } = require('../arguments.js')
const { forEach } = require('../each.js')
const { CliError } = require('../failure.js')
const { readLines } = require('../lines.js')
const { readRecord } = require('../record.js')
const { openTarget } = require('../target.js')
const { Transfer } = require('../transfer.js')

const summary = 'Reads conversations that were exported.'

const usage = `
Usage: flowkit-storage import STORE [options] < all.ndjson

  --overwrite never|older|always    what to do with another text in STORE; by default only an
                                    older one is replaced
  --dry-run                         stores nothing, and says what would be stored
  --json                            the numbers as a line of JSON

A line each: {"id":…,"updatedAt":…,"state":…}, as "flowkit-storage export" writes it. "updatedAt" and
"expiresAt" may be absent. A broken line is listed with its number, and left out. It may be run again.
Exit code 1: nothing could be stored; 4: some could not.
`

/** @type {import('../main.js').Command['options']} */
const options = {
  overwrite: { type: 'string' },
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
}

/** @param {Context} context */
async function run({ positionals, values, out, err, signal }) {
  expect(positionals, ['STORE'])
  const overwrite = oneOf(values.overwrite, '--overwrite', /** @type {const} */ (['never', 'older', 'always']))
  const isDry = values['dry-run'] === true
  // Node.js reads a directory as an empty input.
  if (fstatSync(process.stdin.fd).isDirectory()) {
    throw new CliError('The input is a directory. Give the file that "flowkit-storage export" wrote.')
  }
  const { storage, close } = await openTarget(/** @type {string} */ (positionals[0]), isDry)
  const transfer = new Transfer(storage, { overwrite: overwrite ?? 'older', isDry }, err)
  const progress = err.progress('importing')
  const one = async (/** @type {Line} */ line) => {
    await store(transfer, line)
    progress.add()
  }
  try {
    await forEach(untilAborted(readLines(process.stdin), signal), one)
  } finally {
    progress.end()
    // A pipe that nobody reads would keep the process.
    process.stdin.destroy()
    await close()
    if (values.json) await out.json(transfer.numbers)
    await err.line(transfer.text)
  }
  return transfer.exitCode
}

/**
 * @param {InstanceType<typeof Transfer>} transfer
 * @param {Line} line
 */
async function store(transfer, { number, text, problem }) {
  const name = `line ${number}`
  let record
  try {
    if (text === undefined) throw new CliError(problem ?? '')
    record = readRecord(text)
  } catch (error) {
    await transfer.fail(error, name)
    return
  }
  const { id, raw } = record
  await transfer.one(id, () => raw, name)
}

/**
 * @template T
 * @param {AsyncIterable<T>} items
 * @param {AbortSignal} signal
 */
async function* untilAborted(items, signal) {
  const abort = () => process.stdin.destroy(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    yield* items
  } finally {
    signal.removeEventListener('abort', abort)
  }
  if (signal.aborted) throw signal.reason
}

module.exports = { summary, usage, options, run }
