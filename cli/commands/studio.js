'use strict'

/** @import { Context } from '../main.js' */

const { expect } = require('../arguments.js')
const { EXIT } = require('../failure.js')
const { openStore } = require('../store.js')
const { startStudio } = require('../studio/server.js')
const { untilEnd } = require('../studio/ending.js')

const summary = 'Shows the conversations in a browser on this machine.'

const usage = `
Usage: flowkit-storage studio STORE

Prints an address. Open it in a browser on this machine: conversations with search,
the newest first; messages, slots, sizes, expiry and the stored text. What is open
follows what is stored. Nothing can be changed.

The address works on this machine only, and holds a key behind the #. Whoever has the
whole address can read everything until the viewer ends: with Ctrl+C, or with the terminal.
`

/** @type {import('../main.js').Command['options']} */
const options = {}

/** @param {Context} context */
async function run({ positionals, out, err, signal }) {
  expect(positionals, ['STORE'])
  const store = await openStore(/** @type {string} */ (positionals[0]), { mode: 'read' })
  try {
    const studio = await startStudio({ storage: store.storage, describe: store.describe })
    try {
      await out.line(studio.url)
      await out.flush()
      await err.line('Open this address in a browser on this machine. Ctrl+C ends the viewer.')
      await err.flush()
      await untilEnd(signal)
    } finally {
      await studio.close()
    }
  } finally {
    await store.close()
  }
  return signal.aborted ? EXIT.interrupted : EXIT.done
}

module.exports = { summary, usage, options, run }
