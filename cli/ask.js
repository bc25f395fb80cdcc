'use strict'

/** @import { Context } from './main.js' */

const { createInterface } = require('node:readline/promises')

const { CliError, EXIT, usageError } = require('./failure.js')

/**
 * Returns if the user agrees, and throws if not. Without a terminal nobody can be asked, so that `--yes` is needed.
 *
 * @param {Pick<Context, 'values' | 'err' | 'signal'>} context
 * @param {string} question printable
 */
async function confirm({ values, err, signal }, question) {
  if (values.yes) return
  needTerminal({ values, err })
  await err.flush()
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  // In a terminal that is read so, Ctrl+C is a character.
  lines.on('SIGINT', () => process.emit('SIGINT'))
  try {
    const closed = new Promise((resolve) => lines.once('close', () => resolve('')))
    const reply = await Promise.race([lines.question(`${question} [y/N] `, { signal }), closed])
    if (/^y(es)?$/i.test(String(reply).trim())) return
  } finally {
    lines.close()
  }
  throw new CliError('Nothing was done.', EXIT.failed)
}

/** @param {Pick<Context, 'values' | 'err'>} context */
function needTerminal({ values, err }) {
  if (values.yes || (process.stdin.isTTY && err.isTerminal)) return
  throw usageError('There is no terminal to ask on: say --yes if it is to be done.')
}

module.exports = { confirm, needTerminal }
