'use strict'

/** @import { Context } from '../main.js' */
/** @import { Address } from '../address.js' */

const { readAddress } = require('../address.js')
const { expect } = require('../arguments.js')
const { checkFiles } = require('../doctor/files.js')
const { checkServer } = require('../doctor/redis.js')
const { Report } = require('../doctor/report.js')
const { checkDatabaseFiles, checkSurvey } = require('../doctor/sqlite.js')
const { checkStates } = require('../doctor/states.js')
const { EXIT } = require('../failure.js')
const { openStore, survey } = require('../store.js')
const { count, counted } = require('../text.js')

const summary = 'Finds what is wrong with a store.'

const usage = `
Usage: flowkit-storage doctor STORE [options]

  --json    a line of JSON for each finding: level, code, message, count,
            examples

It reads every state and changes nothing.
  files     names, left-overs of crashes, modes
  SQLite    whether the file is sound, free pages, the write-ahead log,
            auto_vacuum, modes
  Redis     maxmemory-policy, persistence, keys of other types or without expiry
Exit code 3: it has found a problem. Notes alone are no problem.
`

/** @type {import('../main.js').Command['options']} */
const options = { json: { type: 'boolean' } }

/** @typedef {InstanceType<typeof Report>} Findings */

/** @param {Context} context */
async function run({ positionals, values, out, err, signal }) {
  expect(positionals, ['STORE'])
  const text = /** @type {string} */ (positionals[0])
  const report = new Report()
  const progress = err.progress('reading')
  try {
    await examine(text, readAddress(text), report, signal, () => progress.add())
  } finally {
    progress.end()
  }
  if (values.json) for (const finding of report.findings) await out.json(finding)
  else await report.print(out)
  await out.flush()
  const { problems } = report
  const found = problems === 0 ? 'no problem' : counted(problems, 'problem')
  if (!values.json) await err.line(`${counted(report.conversations, 'conversation')} looked at, ${found}.`)
  return problems === 0 ? EXIT.done : EXIT.differences
}

/**
 * @param {string} text
 * @param {Address} address
 * @param {Findings} report
 * @param {AbortSignal} signal
 * @param {() => void} seen
 */
async function examine(text, address, report, signal, seen) {
  if (address.adapter === 'sqlite' && !(await checkDatabase(address, report))) return
  if (address.adapter === 'redis') await checkServer(address, report, signal)
  const store = await openStore(text, { mode: 'read' })
  const { storage } = store
  try {
    if (address.adapter === 'file') {
      return await checkFiles(/** @type {any} */ (store), report, { signal, seen })
    }
    const ages = { lasting: 0, unknown: 0 }
    await checkStates(storage, report, {
      signal,
      seen: (found) => {
        seen()
        if (found.expiresAt === null) ages.lasting++
        if (found.updatedAt === null) ages.unknown++
      },
    })
    if (address.adapter === 'redis') noteLasting(report, ages.lasting)
    else if (ages.unknown > 0) {
      report.problem(
        'age',
        `${counted(ages.unknown, 'conversation')} have an updated_at that is no time in ms: they never expire.`,
      )
    }
  } finally {
    await store.close()
  }
}

/**
 * Returns whether the database can be read on.
 *
 * @param {Extract<Address, { adapter: 'sqlite' }>} address
 * @param {Findings} report
 */
async function checkDatabase(address, report) {
  await checkDatabaseFiles(address.path, report)
  try {
    const found = await survey(address, true)
    if (found.unfit === null) checkSurvey(found, report)
    return true
  } catch (/** @type {any} */ error) {
    // What is no database at all is not this command's to judge.
    if (error.cause?.causeCode !== 'SQLITE_CORRUPT') return true
    report.problem('damaged', error.message)
    return false
  }
}

/**
 * @param {Findings} report
 * @param {number} lasting how many keys have no expiry
 */
function noteLasting(report, lasting) {
  if (lasting === 0) return
  const all = lasting === report.conversations
  const message = `${count(lasting)} of ${counted(report.conversations, 'key')} never expire.`
  if (all) report.note('lasting', message)
  else report.problem('lasting', `${message} Something else has saved them, or a storage with ttl 0.`)
}

module.exports = { summary, usage, options, run }
