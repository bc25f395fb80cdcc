// Figures as they are read.

const DASH = '–'
const KIB = 1024

/**
 * Three digits that count, with separators for thousands.
 *
 * @param {number | undefined} value
 */
export function figure(value) {
  if (value === undefined || !Number.isFinite(value)) return DASH
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(size >= 10 ? 1 : 2)
}

/** @param {number | undefined} value */
export function times(value) {
  return value === undefined || !Number.isFinite(value) ? DASH : `${value.toFixed(2)}x`
}

/** @param {number | undefined} share */
export function percent(share) {
  return share === undefined || !Number.isFinite(share) ? DASH : `${(share * 100).toFixed(0)} %`
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes >= KIB * KIB && bytes % (KIB * KIB) === 0) return `${bytes / (KIB * KIB)} MB`
  return bytes % KIB === 0 ? `${bytes / KIB} KB` : `${bytes} B`
}

/**
 * A table of Markdown. The first column is text, the others are figures.
 *
 * @param {string[]} head
 * @param {string[][]} rows
 * @param {number} [text] how many columns are text
 */
export function table(head, rows, text = 1) {
  const rule = head.map((_, index) => (index < text ? '---' : '---:'))
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
