// Who is measured, and on what: the variants are places with one durability each, on which all subjects do the same work.
import { FILE } from './file.mjs'
import { MEMORY } from './memory.mjs'
import { REDIS } from './redis.mjs'
import { SQLITE } from './sqlite.mjs'

/**
 * @typedef {object} Context
 * @property {string} directory is empty at the first call, and the subject's own
 * @property {number} [redisPort]
 * @property {boolean} relaxed whether to do without syncs: the conversations are put there before the clock starts
 */

/**
 * @typedef {object} Subject
 * @property {string} label
 * @property {boolean} [ours] an adapter of this package
 * @property {boolean} [extra] measured in some cells only, as those that need other packages are
 * @property {string[]} [needs] packages of `packages.json`
 * @property {string} [mode] what `storage.mode` must be: otherwise something else would be measured than is said
 * @property {Record<string, string>} [environment] variables of its process
 * @property {() => boolean} [available] whether this version of the package has it
 * @property {(context: Context) => Promise<{
 *   storage: { save(state: object): unknown, load(conversationId: string): Promise<any>, mode?: string },
 *   close(): Promise<unknown>,
 * }>} open
 */

/**
 * @typedef {object} Variant
 * @property {'memory' | 'file' | 'sqlite' | 'redis'} adapter
 * @property {string} label
 * @property {string} note how durable a save is, for all subjects alike
 * @property {boolean} [keepsNothing] what is stored is gone once the subject is closed
 * @property {string} reference the subject that the others are compared with
 * @property {Record<string, Subject>} subjects
 */

/** @type {Record<string, Variant>} */
export const VARIANTS = { ...MEMORY, ...FILE, ...SQLITE, ...REDIS }

/**
 * @param {string} variant
 * @param {string} subject
 * @returns {Subject}
 */
export function findSubject(variant, subject) {
  return VARIANTS[variant].subjects[subject]
}
