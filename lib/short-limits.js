'use strict'

/**
 * The length of the smallest state that is worth it, in UTF-16 units: a save of 2 KB to memory took 13.5 us in short form, and 8 us
 * whole. Tests with small states set less.
 */
const LIMITS = { leastUnits: 4096 }

module.exports = { LIMITS }
