'use strict'

const { printable: escapeForLogs } = require('../lib/errors.js')

/** Format characters are not seen: two ids would look the same. A lone surrogate has no bytes in UTF-8. */
const UNSEEN = /[\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu

/** What joins and shapes the parts of words and emojis. */
const JOINERS = '\u200c\u200d\ufe0e\ufe0f'

/**
 * Returns text as it may stand on a terminal and in a table: each control, bidi, format or zero-width character as `\uXXXX`.
 * Ids come from strangers.
 *
 * @param {string} text
 */
function printable(text) {
  return escapeForLogs(text).replace(UNSEEN, escaped)
}

/**
 * Returns one line of a message as it may stand on a terminal: as {@link printable} does, but words and emojis keep their joiners.
 *
 * @param {string} text
 */
function printableProse(text) {
  return escapeForLogs(text.replaceAll('\t', '    ')).replace(UNSEEN, (unit) =>
    JOINERS.includes(unit) ? unit : escaped(unit),
  )
}

/**
 * Returns JSON as it may stand on a terminal: the same JSON, with what moves the cursor as `\uXXXX`.
 *
 * @param {string} json
 */
function printableJson(json) {
  return json.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (unit) =>
    Array.from({ length: unit.length }, (_, at) => hex(unit.charCodeAt(at))).join(''),
  )
}

/** @param {string} unit */
function escaped(unit) {
  const code = /** @type {number} */ (unit.codePointAt(0))
  return code > 0xffff ? `\\u{${code.toString(16)}}` : hex(code)
}

/** @param {number} code */
function hex(code) {
  return `\\u${code.toString(16).padStart(4, '0')}`
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const WIDE =
  /^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\p{RI}\p{RI}|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}])/u
const ASCII = /^[\x20-\x7e]*$/

/**
 * Returns how many columns of a terminal the text takes. Wide letters and emojis take two.
 *
 * @param {string} text printable
 */
function width(text) {
  if (ASCII.test(text)) return text.length
  let columns = 0
  for (const { segment } of graphemes.segment(text)) columns += widthOf(segment)
  return columns
}

/** @param {string} grapheme */
function widthOf(grapheme) {
  if (WIDE.test(grapheme)) return 2
  return /^\p{M}/u.test(grapheme) ? 0 : 1
}

/**
 * Returns the text with spaces up to so many columns.
 *
 * @param {string} text
 * @param {number} columns
 * @param {'left' | 'right'} [side] where the text stands
 */
function pad(text, columns, side = 'left') {
  const spaces = ' '.repeat(Math.max(0, columns - width(text)))
  return side === 'left' ? text + spaces : spaces + text
}

/**
 * Returns the beginning of the text that fits into so many columns, with `…` if something is left out.
 *
 * @param {string} text
 * @param {number} columns
 */
function cut(text, columns) {
  if (width(text) <= columns) return text
  let kept = ''
  let left = columns - 1
  for (const { segment } of graphemes.segment(text)) {
    left -= widthOf(segment)
    if (left < 0) break
    kept += segment
  }
  return `${kept}…`
}

/**
 * Returns the lines of at most so many columns that the text takes. Words stay whole if they fit.
 *
 * @param {string} text
 * @param {number} columns
 */
function wrap(text, columns) {
  /** @type {string[]} */
  const lines = []
  let line = ''
  let used = 0
  const end = () => {
    lines.push(line)
    line = ''
    used = 0
  }
  for (const word of text.split(/(?<= )/)) {
    if (used > 0 && used + width(word.trimEnd()) > columns) end()
    for (const { segment } of graphemes.segment(word)) {
      if (used + widthOf(segment) > columns && segment !== ' ') end()
      line += segment
      used += widthOf(segment)
    }
  }
  end()
  return lines.map((each) => each.trimEnd())
}

/** @param {number} number */
function count(number) {
  return number.toLocaleString('en-US')
}

/**
 * Returns a number of things, such as `1 conversation` or `2,000 conversations`.
 *
 * @param {number} number
 * @param {string} noun
 */
function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`
}

/**
 * Returns a size as people read it, such as `1.2 kB`. A kB has 1,000 bytes.
 *
 * @param {number} bytes
 */
function size(bytes) {
  if (bytes < 1_000) return `${bytes} B`
  let value = bytes
  let unit = ''
  for (unit of ['kB', 'MB', 'GB', 'TB']) {
    value /= 1_000
    if (value < 999.5) break
  }
  return `${value < 9.95 ? value.toFixed(1).replace('.0', '') : count(Math.round(value))} ${unit}`
}

/** In seconds. @type {[number, string][]} */
const UNITS = [
  [365 * 86_400, 'y'],
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
]

/**
 * Returns a time span in its largest unit, such as `3 d`.
 *
 * @param {number} seconds
 */
function span(seconds) {
  for (const [length, name] of UNITS) {
    if (seconds >= length) return `${count(Math.floor(seconds / length))} ${name}`
  }
  return '0 s'
}

/**
 * Returns a time in relation to now, such as `3 d ago` or `in 5 min`; `-` if there is none.
 *
 * @param {number | null | undefined} time ms since 1970
 * @param {number} [now]
 */
function when(time, now = Date.now()) {
  if (time === null || time === undefined) return '-'
  const seconds = Math.round((now - time) / 1_000)
  if (seconds === 0) return 'now'
  return seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`
}

module.exports = { count, counted, cut, pad, printable, printableJson, printableProse, size, span, when, width, wrap }
