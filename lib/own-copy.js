'use strict'

const { from: toBuffer } = Buffer
/** @type {(buffer: Buffer) => string} */
const toText = Function.prototype.call.bind(Buffer.prototype.toString)

/** V8 copies shorter parts of a string. */
const SHORTEST_PART = 13

/**
 * Returns a copy of a well-formed string, to be kept for long. V8 lets a part of a string, such as a match, hold the whole string:
 * a word of a request would keep all of the request in memory.
 *
 * @param {string} text
 */
function ownCopy(text) {
  return text.length < SHORTEST_PART ? text : toText(toBuffer(text))
}

module.exports = { ownCopy }
