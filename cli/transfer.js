'use strict'

/** @import { Context } from './main.js' */
/** @import { Effect, Overwrite } from './decide.js' */
/** @import { Raw } from './raw.js' */

const { ageThere, decide } = require('./decide.js')
const { CliError, EXIT } = require('./failure.js')
const { putRaw, readRaw, ttlOf } = require('./raw.js')
const { count, printable } = require('./text.js')

/** How often somebody else may be faster. */
const ATTEMPTS = 100

/** So many failures of TO in a row mean that it is out of order: its disk is full, or it may not be written. */
const HOPELESS = 20

/** Stores conversations in TO, and counts what came of it. */
class Transfer {
  #to
  #overwrite
  #isDry
  #err
  #failuresInRow = 0
  #isHopeless = false
  /** @type {{ [effect in Effect]: number }} */
  #sum = { new: 0, replaced: 0, renewed: 0, equal: 0, kept: 0, expired: 0 }
  failed = 0

  /**
   * @param {any} to
   * @param {{ overwrite: Overwrite, isDry: boolean }} options
   * @param {Context['err']} err
   */
  constructor(to, { overwrite, isDry }, err) {
    this.#to = to
    this.#overwrite = overwrite
    this.#isDry = isDry
    this.#err = err
  }

  /**
   * Stores one conversation unless TO has it, or a newer one. A failure is told and counted, so that the rest goes on.
   *
   * @param {string} id
   * @param {() => Raw | null | Promise<Raw | null>} read returns it; `null` if it is gone
   * @param {string} [name] what a message calls it, in front of the reason
   * @returns {Promise<Effect | undefined>} `undefined` if it failed, or is gone
   */
  async one(id, read, name) {
    let from
    try {
      from = await read()
    } catch (error) {
      await this.fail(error, name)
      return undefined
    }
    if (from === null) return undefined
    try {
      const effect = await this.#store(id, from)
      this.#failuresInRow = 0
      this.#sum[effect]++
      return effect
    } catch (error) {
      await this.fail(error, name)
      if (/** @type {any} */ (error).code !== 'ERR_STORAGE_CORRUPT' && ++this.#failuresInRow >= HOPELESS) this.#stop()
      return undefined
    }
  }

  /**
   * @param {string} id
   * @param {Raw} from
   * @returns {Promise<Effect>}
   */
  async #store(id, from) {
    const now = Date.now()
    const age = ageThere(from, ttlOf(this.#to), now)
    if (age.expiresAt !== undefined && age.expiresAt <= now) return 'expired'
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const there = await this.#look(id)
      const effect = there === undefined ? 'replaced' : decide(from, there, this.#overwrite)
      if (this.#isDry || effect === 'equal' || effect === 'kept') return effect
      const expected = there === null ? null : there?.text
      if (await putRaw(this.#to, id, from.text, { expected, ...age })) return effect
    }
    throw new CliError(`Conversation ${JSON.stringify(id)} is saved by others all the time.`)
  }

  /**
   * Returns what is in TO; `null` for nothing, `undefined` for something corrupt that may be replaced.
   *
   * @param {string} id
   */
  async #look(id) {
    try {
      return await readRaw(this.#to, id)
    } catch (/** @type {any} */ error) {
      if (error.code === 'ERR_STORAGE_CORRUPT' && this.#overwrite === 'always') return undefined
      throw error
    }
  }

  /**
   * Tells a failure and counts it. Throws if the rest would fail as well.
   *
   * @param {any} error
   * @param {string} [name]
   */
  async fail(error, name) {
    // Others are bugs.
    if (error.name !== 'StorageError' && !(error instanceof CliError)) throw error
    this.failed++
    if (!this.#isHopeless)
      await this.#err.line(printable(name === undefined ? error.message : `${name}: ${error.message}`))
    // Each of the others would wait as long.
    if (error.code === 'ERR_STORAGE_UNAVAILABLE') this.#stop()
  }

  /** @returns {never} */
  #stop() {
    this.#isHopeless = true
    throw new CliError(
      'Stopped, since the rest would fail as well. Run it again once that is mended: it goes on where it was.',
      this.exitCode,
    )
  }

  get exitCode() {
    if (this.failed === 0) return EXIT.done
    return this.#done > 0 ? EXIT.partly : EXIT.failed
  }

  get #done() {
    return Object.values(this.#sum).reduce((sum, each) => sum + each, 0)
  }

  /** The numbers, for programs. */
  get numbers() {
    const { new: added, replaced, renewed, equal, kept, expired } = this.#sum
    return { copied: added + replaced, replaced, equal: equal + renewed, renewed, kept, expired, failed: this.failed }
  }

  /** What was done, for people. */
  get text() {
    const { copied, equal, renewed, kept, expired, failed } = this.numbers
    const parts = [`${count(copied)} ${this.#isDry ? 'would be copied' : 'copied'}`, `${count(equal)} equal`]
    if (renewed > 0) parts[1] += ` (${count(renewed)} of them as young as in FROM now)`
    parts.push(
      `${count(kept)} kept${kept > 0 ? ` (${this.#overwrite === 'never' ? 'there already' : 'newer there'})` : ''}`,
    )
    if (expired > 0) parts.push(`${count(expired)} expired`)
    parts.push(`${count(failed)} failed${failed > 0 ? ': see above' : ''}`)
    return `${parts.join(', ')}.`
  }
}

module.exports = { Transfer }
