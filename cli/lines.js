'use strict'

const { constants } = require('node:buffer')

const { CliError } = require('./failure.js')

const NEW_LINE = 0x0a

/**
 * A line of the input: its text, or what is wrong with it.
 *
 * @typedef {{ number: number, size: number, text?: string, problem?: string }} Line
 */

/**
 * Yields the lines that are not empty, with their numbers from 1. A byte order mark, the CR of a CR LF, and whether the last line ends make
 * no difference. What is too long is not kept in memory.
 *
 * @param {AsyncIterable<Buffer>} input
 * @param {number} [longest] bytes; by default as long as a text can be
 * @returns {AsyncGenerator<Line>}
 */
async function* readLines(input, longest = constants.MAX_STRING_LENGTH) {
  /** @type {Buffer[]} */
  let parts = []
  let size = 0
  let number = 0
  const take = () => {
    number++
    const line = toLine(number, size, parts, longest)
    parts = []
    size = 0
    return line
  }
  for await (const chunk of input) {
    if (number === 0 && size === 0) refuseUtf16(chunk)
    let begin = 0
    for (let end = chunk.indexOf(NEW_LINE); end >= 0; end = chunk.indexOf(NEW_LINE, begin)) {
      size += end - begin
      if (size <= longest) parts.push(chunk.subarray(begin, end))
      const line = take()
      if (line !== undefined) yield line
      begin = end + 1
    }
    size += chunk.length - begin
    if (size <= longest) parts.push(chunk.subarray(begin))
    else parts = []
  }
  const line = take()
  if (line !== undefined) yield line
}

/**
 * @param {number} number
 * @param {number} size
 * @param {Buffer[]} parts
 * @param {number} longest
 * @returns {Line | undefined} `undefined` if it is empty
 */
function toLine(number, size, parts, longest) {
  if (size > longest) return { number, size: 0, problem: `it is longer than ${longest} bytes.` }
  const bytes = parts.length === 1 ? /** @type {Buffer} */ (parts[0]) : Buffer.concat(parts)
  let text
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: number !== 1 }).decode(bytes)
  } catch {
    return { number, size: 0, problem: 'it is not UTF-8.' }
  }
  if (text.endsWith('\r')) text = text.slice(0, -1)
  return text.trim() === '' ? undefined : { number, size, text }
}

/** @param {Buffer} chunk */
function refuseUtf16(chunk) {
  const isUtf16 = (chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff)
  if (!isUtf16) return
  throw new CliError(
    'The input is UTF-16, as ">" of Windows PowerShell writes it, and is no longer exactly what was exported. ' +
      'Export again in cmd, or in PowerShell 7.4 or newer.',
  )
}

module.exports = { readLines }
