'use strict'

const { fstatSync } = require('node:fs')

/**
 * Resolves when the viewer is to end: at Ctrl+C, with the terminal, or with whoever started it and holds its standard input.
 *
 * @param {AbortSignal} interrupted
 * @returns {Promise<void>}
 */
function untilEnd(interrupted) {
  return new Promise((resolve) => {
    const end = () => resolve()
    if (interrupted.aborted) return end()
    interrupted.addEventListener('abort', end)
    // A terminal that is closed says so by SIGHUP. Reading from it would stop a program in the background.
    for (const signal of ['SIGHUP', 'SIGTERM']) process.once(signal, end)
    if (!isPipe(0)) return
    process.stdin.on('end', end)
    process.stdin.on('error', end)
    process.stdin.resume()
    // It has to notice the end, and not to keep the process from its own.
    const { stdin } = process
    if ('unref' in stdin) stdin.unref()
  })
}

/**
 * Returns whether somebody holds the other end of the standard input. The input of a service, such as `/dev/null`, ends at once
 * and means nothing.
 *
 * @param {number} descriptor
 */
function isPipe(descriptor) {
  try {
    const input = fstatSync(descriptor)
    return input.isFIFO() || input.isSocket()
  } catch {
    return false
  }
}

module.exports = { untilEnd }
