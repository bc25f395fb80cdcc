'use strict'

const { aBoolean, aWholeNumber } = require('./options.js')

/** The options of all adapters about how long a conversation is kept. */
const RETENTION_CHECKS = { ttl: aWholeNumber(0, 2 ** 32 - 1), refreshOnLoad: aBoolean, sweep: aBoolean }

/**
 * @typedef {object} Retention
 * @property {number} ttl seconds until a conversation expires; 0 for never
 * @property {boolean} refreshOnLoad whether a load counts for that
 * @property {number | undefined} sweptTtl the same as `ttl`; `undefined` if the storage removes nothing by itself
 */

/**
 * Returns the options with their defaults.
 *
 * @param {{ ttl?: number, refreshOnLoad?: boolean, sweep?: boolean }} options
 * @returns {Retention}
 */
function readRetention({ ttl = 0, refreshOnLoad = false, sweep = true }) {
  return { ttl, refreshOnLoad, sweptTtl: sweep && ttl > 0 ? ttl : undefined }
}

module.exports = { RETENTION_CHECKS, readRetention }
