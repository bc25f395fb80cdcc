'use strict'

const { CliError, OutputClosed } = require('./failure.js')
const { count, cut, pad, printableJson, span, width } = require('./text.js')

/** Text waits until so much is there, in UTF-16 units: a write for each line is slow where there are millions. */
const FULL = 64 * 1_024

/** Milliseconds between two pictures of a progress bar. */
const REDRAWN_AFTER = 100

/** @type {Record<string, [number, number]>} */
const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] }

/** A stream that people or programs read. */
class Output {
  #stream
  #env
  #waiting = ''
  #isDropped = false
  /** Those that wait for the reader: commands write several lines at the same time. @type {(() => void)[]} */
  #waiters = []
  /** Why nothing can be written any more. @type {Error | undefined} */
  #failure
  /** @type {Progress | undefined} */
  #progress

  /**
   * @param {NodeJS.WriteStream} stream
   * @param {NodeJS.ProcessEnv} env
   * @param {() => void} [closed] called if nobody reads any more. Without it, what is written then is dropped: an error
   *   message that nobody reads must not end what is under way.
   */
  constructor(stream, env, closed) {
    this.#stream = stream
    this.#env = env
    stream.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      // A terminal that has gone fails with EIO.
      const isGone = error.code === 'EPIPE' || error.code === 'EIO'
      this.#isDropped = isGone && closed === undefined
      this.#failure ??= isGone ? new OutputClosed() : new CliError(`Cannot write the output: ${error.code}.`)
      if (isGone) closed?.()
      this.#wake()
    })
    for (const event of ['drain', 'close']) stream.on(event, () => this.#wake())
  }

  /** True for a terminal. */
  get isTerminal() {
    return this.#stream.isTTY === true
  }

  /** The columns of the terminal. In a pipe nothing is wrapped or cut. */
  get columns() {
    return this.isTerminal ? Math.max(20, this.#stream.columns || 80) : Number.POSITIVE_INFINITY
  }

  /**
   * Returns the text in a style, such as `bold`, if this is a terminal with colours.
   *
   * @param {keyof typeof STYLES} name
   * @param {string} text
   */
  style(name, text) {
    const style = STYLES[name]
    const isPlain = !this.isTerminal || Boolean(this.#env.NO_COLOR) || this.#env.TERM === 'dumb'
    return isPlain || style === undefined ? text : `\u001b[${style[0]}m${text}\u001b[${style[1]}m`
  }

  /**
   * Writes text. What comes from a store has to be printable. Resolves when the reader is ready for more.
   *
   * @param {string} text
   */
  async write(text) {
    if (this.#isDropped) return
    if (this.#failure !== undefined) throw this.#failure
    this.#waiting += text
    if (this.#waiting.length >= FULL || this.isTerminal) await this.flush()
  }

  /** @param {string} [text] */
  line(text = '') {
    return this.write(`${text}\n`)
  }

  /**
   * Writes a value as a line of JSON.
   *
   * @param {unknown} value
   */
  json(value) {
    return this.line(this.safeJson(JSON.stringify(value)))
  }

  /**
   * Returns JSON as it may be written here: a terminal must not take a character of it for a command.
   *
   * @param {string} json
   */
  safeJson(json) {
    return this.isTerminal ? printableJson(json) : json
  }

  /**
   * Writes rows with columns of one width. The last column is cut to fit a terminal.
   *
   * @param {string[][]} rows printable
   * @param {('left' | 'right')[]} sides
   */
  async table(rows, sides) {
    const widths = sides.map((_, at) => rows.reduce((most, row) => Math.max(most, width(row[at] ?? '')), 0))
    const last = sides.length - 1
    const before = widths.slice(0, last).reduce((sum, each) => sum + each + 2, 0)
    for (const row of rows) {
      const cells = row.map((cell, at) => (at === last ? cell : pad(cell, widths[at] ?? 0, sides[at])))
      cells[last] = cut(cells[last] ?? '', Math.max(10, this.columns - before))
      await this.line(cells.join('  ').trimEnd())
    }
  }

  /** Hands everything to the system. */
  async flush() {
    const text = this.#waiting
    // Whoever has gone needs no more of it.
    if (this.#failure instanceof CliError) throw this.#failure
    if (text === '' || this.#failure !== undefined) return
    this.#waiting = ''
    this.#progress?.clear()
    if (!this.#stream.write(text)) {
      await new Promise((resolve) => this.#waiters.push(() => resolve(undefined)))
    }
    if (this.#failure !== undefined && !this.#isDropped) throw this.#failure
  }

  #wake() {
    for (const resume of this.#waiters.splice(0)) resume()
  }

  /**
   * Begins a progress bar. It is drawn on a terminal alone. Call its `end` in any case.
   *
   * @param {string} label
   * @param {number | Promise<number | undefined>} [total] if it is known, or once it is
   */
  progress(label, total) {
    const draw = this.isTerminal ? (/** @type {string} */ text) => this.#stream.write(text) : undefined
    this.#progress = new Progress(this, draw, label, total)
    return this.#progress
  }
}

/** A line that says how far something is, at which rate, and how long it will take. */
class Progress {
  #output
  #draw
  #label
  /** @type {number | undefined} */
  #total
  #begun = Date.now()
  #drawn = 0
  #isShown = false
  /** How many things are done. */
  done = 0

  /**
   * @param {Output} output
   * @param {((text: string) => unknown) | undefined} draw
   * @param {string} label
   * @param {number | Promise<number | undefined> | undefined} total
   */
  constructor(output, draw, label, total) {
    this.#output = output
    this.#draw = draw
    this.#label = label
    this.#learn(total)
  }

  /** @param {number | Promise<number | undefined> | undefined} total */
  async #learn(total) {
    this.#total = typeof total === 'number' ? total : await total
  }

  /**
   * Counts something as done.
   *
   * @param {number} [more]
   */
  add(more = 1) {
    this.done += more
    const now = Date.now()
    if (this.#draw === undefined || now - this.#drawn < REDRAWN_AFTER) return
    this.#drawn = now
    this.#isShown = true
    this.#draw(`\r${cut(this.text(now), this.#output.columns - 1)}\u001b[K`)
  }

  /** @param {number} now ms since 1970 */
  text(now) {
    const seconds = Math.max(0.001, (now - this.#begun) / 1_000)
    const rate = this.done / seconds
    const speed = `${count(Math.round(rate))}/s`
    if (this.#total === undefined) return `${this.#label}  ${count(this.done)}  ·  ${speed}`
    const share = Math.min(1, this.done / Math.max(1, this.#total))
    const amount = `${Math.floor(share * 100)} %  ${count(this.done)} of ${count(this.#total)}`
    const left = seconds > 1 && share < 1 ? `  ·  ${span((this.#total - this.done) / Math.max(rate, 0.001))} left` : ''
    const numbers = `${amount}  ·  ${speed}${left}`
    // A little shorter as a rule, so that growing numbers do not make it jump.
    const room = Math.max(8, Math.min(24, this.#output.columns - numbers.length - this.#label.length - 8))
    const filled = Math.round(share * room)
    return `${this.#label}  ${'█'.repeat(filled)}${'░'.repeat(room - filled)}  ${numbers}`
  }

  /** Takes the line off the screen, so that something else can be written. */
  clear() {
    if (this.#isShown) this.#draw?.('\r\u001b[K')
    this.#isShown = false
    this.#drawn = 0
  }

  end() {
    this.clear()
    this.#draw = undefined
  }
}

module.exports = { Output, Progress }
