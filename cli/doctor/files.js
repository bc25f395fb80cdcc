'use strict'

/** @import { OpenStore } from '../store.js' */
/** @import { Report } from './report.js' */

const fs = require('node:fs/promises')
const path = require('node:path')

const { internalOf } = require('../../lib/perform.js')
const { forEach } = require('../each.js')
const { checkAge } = require('./states.js')

/** Milliseconds after which a temporary file belongs to no save that is still running. */
const ABANDONED_AFTER = 3_600_000

/** @typedef {InstanceType<typeof Report>} Findings */

/**
 * Looks at each file of a directory, one after another. Runs no operation: a storage that begins removes what was left over.
 *
 * @param {OpenStore & { address: { adapter: 'file' } }} store
 * @param {Findings} report
 * @param {{ signal: AbortSignal, seen: () => void }} options
 */
async function checkFiles({ storage, address, describe }, report, { signal, seen }) {
  const { dir, extension = '.json' } = address
  checkMode(report, 'directory-mode', (await fs.stat(dir)).mode, describe)
  await forEach(names(dir, signal), async ({ name }) => {
    const place = path.join(dir, name)
    try {
      if (isLeftOver(name)) await checkLeftOver(report, place, name)
      else if (name.endsWith(extension) && !name.startsWith('.')) {
        seen()
        await checkFile(storage, report, place, name.slice(0, name.length - extension.length))
      }
    } catch (/** @type {any} */ error) {
      if (error.code === 'ENOENT') return // Saved or deleted meanwhile.
      if (error.code !== 'EACCES' && error.code !== 'EPERM') throw error
      report.problem('denied', 'It is not permitted to read this file.', name)
    }
  })
}

/**
 * @param {string} dir
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{ name: string, size?: number }, void, undefined>}
 */
async function* names(dir, signal) {
  for await (const { name } of await fs.opendir(dir)) {
    if (signal.aborted) throw signal.reason
    yield { name }
  }
}

/** @param {string} name */
function isLeftOver(name) {
  return name.startsWith('.flowkit-') && (name.endsWith('.tmp') || name.endsWith('.lock'))
}

/**
 * @param {Findings} report
 * @param {string} place
 * @param {string} name
 */
async function checkLeftOver(report, place, name) {
  const age = Date.now() - (await fs.lstat(place)).mtimeMs
  if (name.endsWith('.lock')) report.note('lock', 'Somebody holds this lock, or has held it.', name)
  else if (age <= ABANDONED_AFTER)
    report.note('save', 'This file belongs to a save that is under way, or has just died.', name)
  else report.problem('left-over', 'A crash has left this file behind: "compact" removes it.', name)
}

/**
 * @param {any} storage
 * @param {Findings} report
 * @param {string} place
 * @param {string} stem its name without the extension
 */
async function checkFile(storage, report, place, stem) {
  const name = path.basename(place)
  const found = await fs.stat(place)
  if (!found.isFile()) return report.note('no-file', 'This is not a file, and is left alone.', name)
  const state = await readState(report, place, name)
  if (state === undefined) return
  const id = state?.conversationId
  if (typeof id !== 'string') return report.note('foreign', 'This file holds no conversation, and is left alone.', name)
  const right = internalOf(storage).handle.location(id)
  const rightStem = path.basename(right).slice(0, stem.length - name.length)
  if (!says(stem, id, rightStem)) {
    const message = 'This file holds a conversation whose file has another name, so it is not read.'
    return report.problem('misnamed', message, `${name} holds ${JSON.stringify(id)}`)
  }
  if (stem !== rightStem && (await exists(right))) {
    return report.problem('twice', 'This file is not read: another one of the same conversation comes first.', name)
  }
  report.conversations++
  checkMode(report, 'file-mode', found.mode, name)
  checkAge(report, id, found.mtimeMs)
}

/**
 * Returns what is in a file; `undefined` if it cannot be read.
 *
 * @param {Findings} report
 * @param {string} place
 * @param {string} name
 */
async function readState(report, place, name) {
  const bytes = await fs.readFile(place)
  try {
    // As a storage has it: a byte order mark is an error.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    report.problem('corrupt', 'This file is no JSON in UTF-8. The next save replaces it; "rm" deletes it.', name)
    return undefined
  }
}

/**
 * Returns whether a name, without its extension, is one of those that the conversation may have.
 *
 * @param {string} stem
 * @param {string} id
 * @param {string} right the name that it has here
 */
function says(stem, id, right) {
  if (stem === right || stem === id) return true
  const hash = stem.indexOf('%-')
  if (hash >= 0) return right.endsWith(stem.slice(hash))
  try {
    return decodeURIComponent(stem) === id
  } catch {
    return false
  }
}

/**
 * @param {Findings} report
 * @param {string} code
 * @param {number} mode
 * @param {string} name
 */
function checkMode(report, code, mode, name) {
  if (process.platform === 'win32' || (mode & 0o077) === 0) return
  const shown = (mode & 0o777).toString(8)
  const right = code === 'directory-mode' ? '700' : '600'
  report.problem(code, `Other users of this machine may look here: change its mode to ${right}.`, `${name} (${shown})`)
}

/** @param {string} place */
async function exists(place) {
  return fs.stat(place).then(
    () => true,
    () => false,
  )
}

module.exports = { ABANDONED_AFTER, checkFiles, checkMode, isLeftOver }
