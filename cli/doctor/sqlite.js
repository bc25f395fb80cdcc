'use strict'

/** @import { Survey } from '../store.js' */
/** @import { Report } from './report.js' */

const fs = require('node:fs/promises')

const { count, size } = require('../text.js')
const { checkMode } = require('./files.js')

/** A WAL of so many bytes is not being emptied: SQLite does it at about 4 MB. */
const LARGE_WAL = 64_000_000

/** So many free bytes, and this part of the file, are worth to be given back. */
const MANY_FREE = 1_000_000
const FREE_PART = 0.25

const AUTO_VACUUM = ['none', 'full', 'incremental']

/**
 * Looks at the files of a database. Has to come before anything opens it, which may empty the WAL.
 *
 * @param {string} path
 * @param {InstanceType<typeof Report>} report
 */
async function checkDatabaseFiles(path, report) {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const found = await fs.stat(path + suffix).catch(() => undefined)
    if (found === undefined) continue
    if (suffix === '' || suffix === '-wal') checkMode(report, 'file-mode', found.mode, path + suffix)
    if (suffix === '-wal') {
      const shown = `The write-ahead log has ${size(found.size)}.`
      if (found.size > LARGE_WAL)
        report.problem('wal', `${shown} A reader that never ends keeps it from being emptied.`)
      else report.note('wal', shown)
    }
    if (suffix === '-journal' && found.size > 0) {
      report.note(
        'journal',
        'There is a rollback journal: a write is under way, or was cut off. SQLite undoes it then.',
      )
    }
  }
}

/**
 * @param {Survey} survey
 * @param {InstanceType<typeof Report>} report
 */
function checkSurvey({ journal, pageSize, pages, freePages, autoVacuum, noText, locks, problems = [] }, report) {
  for (const problem of problems)
    report.problem('damaged', "The file is damaged: restore it, or run sqlite3's .recover.", problem)
  if (noText > 0) report.problem('no-text', `${count(noText)} rows have an id or a state that is no text.`)
  const free = freePages * pageSize
  if (free > MANY_FREE && freePages > FREE_PART * pages) {
    report.problem(
      'free-pages',
      `${size(free)} of ${size(pages * pageSize)} are free pages: "compact" gives them back.`,
    )
  }
  if (autoVacuum !== 2) {
    report.note(
      'auto-vacuum',
      'The file gives no space back by itself. "compact" changes that if no other tables are in it.',
    )
  }
  if (locks > 0) report.note('lock', `${count(locks)} conversations are locked, or were.`)
  const pagesShown = `${count(pages)} pages of ${count(pageSize)} bytes, ${count(freePages)} of them free`
  report.note('file', `Journal ${journal}; ${pagesShown}; auto_vacuum ${AUTO_VACUUM[autoVacuum] ?? autoVacuum}.`)
}

module.exports = { checkDatabaseFiles, checkSurvey }
