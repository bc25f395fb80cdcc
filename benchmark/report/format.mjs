// Writes figures as they are read.

const DASH = '–'
const KIB = 1024

/** Returns three significant digits, with separators for thousands. */
export function figure(value) {
  if (!Number.isFinite(value)) return DASH
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

/** Returns a ratio such as `1.50x`. */
export function times(value) {
  return value === undefined ? DASH : `${value.toFixed(2)}x`
}

/** Returns a ratio with the least and the most of its rounds. */
export function spread(ratio) {
  return ratio === undefined ? DASH : `${times(ratio.median)} (${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)})`
}

export const size = (bytes) => `${bytes / KIB} KB`

/**
 * Returns a table of Markdown. The first columns are text, the others are figures.
 *
 * @param {string[]} head
 * @param {string[][]} rows
 * @param {number} [text] how many columns are text
 */
export function table(head, rows, text = 1) {
  const rule = head.map((_, index) => (index < text ? '---' : '---:'))
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
