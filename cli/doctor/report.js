'use strict'

/** @import { Context } from '../main.js' */

const { count: shown, printable, wrap } = require('../text.js')

/** How many examples of a finding are named. */
const EXAMPLES = 5

/** What stands in front of all lines of a finding but the first. */
const INDENT = ' '.repeat(9)

/**
 * Something that a look at a store has found. A problem wants to be mended; a note is good to know.
 *
 * @typedef {{ level: 'problem' | 'note', code: string, message: string, count: number, examples: string[] }} Finding
 */

/** What was found, each kind once, however often it occurs. */
class Report {
  /** @type {Map<string, Finding>} */
  #findings = new Map()
  /** How many conversations were looked at. */
  conversations = 0

  /**
   * @param {string} code
   * @param {string} message a sentence that also fits many of the kind
   * @param {string} [example] an id or a file
   */
  problem(code, message, example) {
    this.#add('problem', code, message, example)
  }

  /**
   * @param {string} code
   * @param {string} message
   * @param {string} [example]
   */
  note(code, message, example) {
    this.#add('note', code, message, example)
  }

  /**
   * @param {Finding['level']} level
   * @param {string} code
   * @param {string} message
   * @param {string | undefined} example
   */
  #add(level, code, message, example) {
    const finding = this.#findings.get(code) ?? { level, code, message, count: 0, examples: [] }
    finding.count++
    if (example !== undefined && finding.examples.length < EXAMPLES) finding.examples.push(example)
    this.#findings.set(code, finding)
  }

  /** The findings, problems first. */
  get findings() {
    const all = [...this.#findings.values()]
    return [...all.filter((each) => each.level === 'problem'), ...all.filter((each) => each.level === 'note')]
  }

  get problems() {
    return this.findings.filter((each) => each.level === 'problem').length
  }

  /** @param {Context['out']} out */
  async print(out) {
    for (const { level, message, count, examples } of this.findings) {
      const times = count > 1 ? `${shown(count)} times: ` : ''
      const word = level === 'problem' ? out.style('red', 'problem') : out.style('dim', 'note   ')
      const [first = '', ...more] = wrap(times + printable(message), out.columns - INDENT.length)
      await out.line(`${word}  ${first}`)
      for (const line of more) await out.line(INDENT + line)
      for (const example of examples) await out.line(INDENT + printable(example))
      if (examples.length > 0 && count > examples.length) await out.line(`${INDENT}…`)
    }
  }
}

module.exports = { Report }
