// What a row is, and how it ends.

/**
 * A row of a table. `name` is the word that chooses it on the command line.
 *
 * @typedef {{ name: string, title: string, run(workshop: import('./workshop.mjs').Workshop): Promise<Result> }} Row
 */

/**
 * The result of a row. It failed if there are problems. `cells` stand under the table's heads, `notes` in its last column.
 *
 * @typedef {{ version: string, problems: string[], cells: string[], notes?: string[] }} Result
 */

/**
 * Returns the cell for a bundler that was given nothing but the program. A message other than the expected one is a problem:
 * the page names the one that users search for.
 *
 * @param {string | undefined} message none if it worked
 * @param {string | undefined} expected a part of the message
 * @param {boolean | undefined} alone whether it was run without any modules
 * @param {string[]} problems is added to
 */
export function describePlain(message, expected, alone, problems) {
  if (message === undefined) return alone ? 'works, also elsewhere' : 'works'
  if (expected === undefined || !message.includes(expected)) problems.push(`as it is: ${message}`)
  return `fails: \`${expected}\``
}
