'use strict'

/** @import { Context } from '../main.js' */

const fs = require('node:fs/promises')
const path = require('node:path')

const { readAddress } = require('../address.js')
const { expect } = require('../arguments.js')
const { isLeftOver } = require('../doctor/files.js')
const { CliError, EXIT } = require('../failure.js')
const { DEFAULT_TABLE, openStore } = require('../store.js')
const { counted, size } = require('../text.js')

const summary = 'Gives unused space back to the system.'

const usage = `
Usage: flowkit-storage compact STORE

  files     removes what crashes have left behind: temporary files older than an
            hour, and locks that nobody holds
  SQLite    VACUUM, or PRAGMA incremental_vacuum where the file keeps account of
            its free pages; empties the write-ahead log. VACUUM needs the size of
            the content once more on the disk, and nobody may write meanwhile.
            A file without other tables gives its space back by itself then.
  Redis     nothing: the server does that by itself
`

/** @type {import('../main.js').Command['options']} */
const options = {}

/** Milliseconds that a look for left-overs may take, and between two looks. */
const PATIENCE = 60_000
const PAUSE = 100

/** @param {Context} context */
async function run({ positionals, err, signal }) {
  expect(positionals, ['STORE'])
  const text = /** @type {string} */ (positionals[0])
  const address = readAddress(text)
  const store = await openStore(text, { mode: 'write' })
  try {
    if (address.adapter === 'file') await compactFiles(store.storage, address.dir, err, signal)
    else if (address.adapter === 'redis') await err.line('Nothing to do: a Redis server frees its memory by itself.')
    else {
      // Other connections of this process would be in the way.
      await store.close()
      await compactDatabase(address, err)
    }
  } finally {
    await store.close()
  }
  return EXIT.done
}

/**
 * @param {{ path: string, table?: string, text: string }} address
 * @param {Context['err']} err
 */
async function compactDatabase({ path: file, table = DEFAULT_TABLE, text }, err) {
  const { compactSqlite } = require('../../lib/binding.js')
  const result = await compactSqlite(path.resolve(file), table)
  if (typeof result !== 'string') throw new CliError(`Cannot compact ${text}: ${result.reason}.`, undefined, result)
  const { way, switched, pageSize, pagesBefore, pages, walIsBusy } = JSON.parse(result)
  const how = way === 'whole' ? 'VACUUM' : 'incremental_vacuum'
  await err.line(`${how}: ${size(pagesBefore * pageSize)} before, ${size(pages * pageSize)} now.`)
  if (switched) await err.line('From now on the file gives its space back by itself (auto_vacuum incremental).')
  if (walIsBusy) await err.line('The write-ahead log could not be emptied: a reader is in the way.')
}

/**
 * A storage removes left-overs when it begins, on a thread of its own.
 *
 * @param {any} storage
 * @param {string} dir
 * @param {Context['err']} err
 * @param {AbortSignal} signal
 */
async function compactFiles(storage, dir, err, signal) {
  const before = await leftOvers(dir)
  await storage.has('compact')
  const end = Date.now() + PATIENCE
  let after = before
  // Over when two looks in a row find the same.
  for (let same = 0; before.length > 0 && same < 3 && Date.now() < end; ) {
    if (signal.aborted) throw signal.reason
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
    const now = await leftOvers(dir)
    same = now.length === after.length ? same + 1 : 0
    after = now
  }
  await err.line(`${counted(before.length - after.length, 'left-over file')} removed.`)
  if (after.length > 0) await err.line(`${counted(after.length, 'file')} kept: in use, or younger than an hour.`)
}

/** @param {string} dir */
async function leftOvers(dir) {
  return (await fs.readdir(dir)).filter(isLeftOver)
}

module.exports = { summary, usage, options, run }
