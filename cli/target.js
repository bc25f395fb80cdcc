'use strict'

const { CliError, EXIT } = require('./failure.js')
const { openStore } = require('./store.js')

/**
 * Opens the store that is written to, which need not be there yet. For a dry run nothing is made: in place of a store that is not
 * there, an empty one in memory is looked at.
 *
 * @param {string} text
 * @param {boolean} isDry
 */
async function openTarget(text, isDry) {
  // Refuses whatever could not become a store.
  const target = await openStore(text, { mode: 'create' })
  if (!isDry) return target
  await target.close()
  try {
    return await openStore(text, { mode: 'read' })
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode === EXIT.usage) throw error
    const { MemoryStorage } = require('../index.js')
    const storage = new MemoryStorage()
    return { ...target, storage, close: () => storage.close() }
  }
}

module.exports = { openTarget }
