'use strict'

/** @import { ScanOptions } from '../binding.js' */
/** @import { Page } from './handle.js' */
/** @import { ConversationPlace, StoredContent } from './place-types.js' */

const { judgeAge } = require('./binding.js')

/** How many conversations a page looks at, at most. */
const LOOKED_AT = 500

/** The beginning of every cursor here, behind which the last id follows. */
const MARK = 'c:'

/**
 * Does one page of a look through the conversations of a place that the user wrote.
 *
 * @param {ConversationPlace} place
 * @param {(id: string, change: (stored: StoredContent) => Partial<StoredContent>) => Promise<void>} transact
 * @param {ScanOptions} scan
 * @param {number} ttl seconds
 * @returns {Promise<Page>}
 */
async function scanPlace(place, transact, scan, ttl) {
  const { action, prefix, cursor, most } = scan
  if (cursor !== undefined && !cursor.startsWith(MARK)) {
    const reason = 'the option "cursor" must be one that list() of this storage returned'
    throw { code: 'ERR_STORAGE_INVALID_OPTIONS', reason }
  }
  const limit = Math.min(most, LOOKED_AT)
  const after = cursor?.slice(MARK.length) ?? ''
  const rows = await /** @type {NonNullable<typeof place.list>} */ (place.list)({ prefix, after, limit })
  const now = Date.now()
  /** @type {Page} */
  const page = { cursor: null, found: [], matched: 0, kept: 0, unknown: 0 }
  for (const { id, size, updatedAt = null } of rows) {
    let verdict = judgeAge(scan, ttl, updatedAt ?? undefined, now)
    if (verdict === 'matches' && action === 'remove') {
      await transact(id, (stored) => {
        verdict = judgeAge(scan, ttl, stored.updatedAt ?? undefined, now)
        // Somebody has it, or waits for it.
        if (scan.before !== undefined && stored.record !== null) verdict = 'kept'
        return verdict === 'matches' ? { text: null } : {}
      })
    }
    if (verdict === 'matches') {
      page.matched++
      const expiresAt = ttl > 0 && updatedAt !== null ? updatedAt + ttl * 1_000 : null
      if (action === 'list') page.found.push({ id, size, updatedAt, expiresAt })
      else if (action === 'listIds') page.found.push({ id })
    } else if (verdict !== 'absent') page[verdict]++
  }
  const last = rows.at(-1)
  if (rows.length === limit && last !== undefined) page.cursor = MARK + last.id
  return page
}

module.exports = { scanPlace }
