'use strict'

/** @import { Context } from '../main.js' */
/** @import { Sign } from '../compare.js' */

const { expect } = require('../arguments.js')
const { compareAll, findOthers, newSum } = require('../compare.js')
const { EXIT } = require('../failure.js')
const { openStore } = require('../store.js')
const { count, printable } = require('../text.js')

const summary = 'Compares two stores, byte for byte.'

const usage = `
Usage: flowkit-storage check FROM TO [options]

  --prefix P    only ids that begin so
  --all         also lists those that are equal
  --json        a line of JSON each: sign, id

Each line is a sign and an id:
  =  they are equal     *  they differ     !  it cannot be read
  +  only in FROM       -  only in TO
Ages are not compared. Takes little memory, however many there are.
Exit code 3: there are differences; 4: some could not be read.
`

/** @type {import('../main.js').Command['options']} */
const options = { prefix: { type: 'string' }, all: { type: 'boolean' }, json: { type: 'boolean' } }

/** @param {Context} context */
async function run({ positionals, values, out, err, signal }) {
  expect(positionals, ['FROM', 'TO'])
  const [one, other] = /** @type {[string, string]} */ (positionals)
  const from = await openStore(one, { mode: 'read' })
  try {
    const to = await openStore(other, { mode: 'read' })
    try {
      return await check(from.storage, to.storage, values, out, err, signal)
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}

/**
 * @param {any} from
 * @param {any} to
 * @param {any} values
 * @param {Context['out']} out
 * @param {Context['err']} err
 * @param {AbortSignal} signal
 */
async function check(from, to, { prefix, all, json }, out, err, signal) {
  const sum = newSum()
  const tell = async (/** @type {Sign} */ sign, /** @type {string} */ id) => {
    sum[sign]++
    if (sign === '=' && !all) return
    if (json) await out.json({ sign, id })
    else await out.line(`${sign} ${printable(id)}`)
  }
  await compareAll(from, to, { prefix, signal }, tell, err)
  await findOthers(from, to, { prefix, signal }, tell, err)
  await out.flush()
  const failed = sum['!'] > 0 ? `, ${count(sum['!'])} cannot be read: see above` : ''
  await err.line(
    `${count(sum['='])} equal, ${count(sum['*'])} differ, ${count(sum['+'])} only in FROM, ${count(sum['-'])} only in TO${failed}.`,
  )
  if (sum['!'] > 0) return EXIT.partly
  return sum['*'] + sum['+'] + sum['-'] > 0 ? EXIT.differences : EXIT.done
}

module.exports = { summary, usage, options, run }
