'use strict'

/** The exit codes of the command line. A released code keeps its meaning. */
const EXIT = { done: 0, failed: 1, usage: 2, differences: 3, partly: 4, interrupted: 130 }

/** An error that is the user's to mend: its message is printed without a stack. */
class CliError extends Error {
  /**
   * @param {string} message whole sentences
   * @param {number} [exitCode]
   * @param {unknown} [cause]
   */
  constructor(message, exitCode = EXIT.failed, cause) {
    super(message, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
  }
}

/**
 * Returns the error for a command line that cannot be understood.
 *
 * @param {string} message
 */
function usageError(message) {
  return new CliError(message, EXIT.usage)
}

/** The reader of the standard output has gone, such as `head` after ten lines. */
class OutputClosed extends Error {}

module.exports = { CliError, EXIT, OutputClosed, usageError }
