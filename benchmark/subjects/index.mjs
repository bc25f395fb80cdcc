// The adapters that are measured, by the place where they keep conversations. A place has one durability, and every
// adapter on it does the same work.
import { FILE } from './file.mjs'
import { MEMORY } from './memory.mjs'
import { REDIS } from './redis.mjs'
import { SQLITE } from './sqlite.mjs'

/**
 * @typedef {object} Context
 * @property {typeof import('../../index.js')} adapters this package, or that of another checkout
 * @property {string} directory belongs to the subject; empty at the first call
 * @property {number} redisPort
 * @property {boolean} relaxed asks for no syncs: the conversations are stored before the clock starts
 * @property {(work: () => unknown) => void} atEnd registers what is left to close after the storage
 *
 * @typedef {object} Subject
 * @property {string} label
 * @property {boolean} [ours] an adapter of this package
 * @property {boolean} [onlyHere] cannot be opened with an older checkout, whose option has another name
 * @property {string} [mode] what `storage.mode` must be, so that no other mode is measured under this label
 * @property {(context: Context) => import('../../index.js').StorageAdapter} open
 *
 * @typedef {object} Place
 * @property {'memory' | 'file' | 'sqlite' | 'redis'} adapter
 * @property {string} label
 * @property {string} note how durable a save is, for every subject
 * @property {string} reference the subject that the others are compared with
 * @property {Record<string, Subject>} subjects
 */

/** @type {Record<string, Place>} */
export const PLACES = { ...MEMORY, ...FILE, ...SQLITE, ...REDIS }
