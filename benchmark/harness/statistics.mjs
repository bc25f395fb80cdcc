// Reduces the rounds to one figure.

/** @param {number[]} values not empty */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Prevents a division by zero: an event loop that was never late. */
const LEAST_DELAY_MS = 0.05

/** The figures that are compared with the reference, and how each is read from a measurement. */
const RATIOS = {
  rate: ({ rate }) => rate,
  main: ({ main }) => main,
  delayP99: ({ delayP99 }) => Math.max(LEAST_DELAY_MS, delayP99),
}

/**
 * Returns the medians of a subject's rounds, and its ratios to the reference. A ratio is the median of the ratios of
 * the rounds, within each of which the two ran one after the other.
 *
 * @param {Record<string, number>[]} rounds
 * @param {Record<string, number>[]} reference
 */
export function summarize(rounds, reference) {
  const medianOf = (name) => [name, median(rounds.map((round) => round[name]))]
  const figures = Object.fromEntries(Object.keys(rounds[0]).map(medianOf))
  /** @type {Record<string, { median: number, least: number, most: number }>} */
  const ratios = {}
  for (const [name, read] of Object.entries(RATIOS)) {
    const values = rounds.map((round, index) => read(round) / read(reference[index])).filter(Number.isFinite)
    if (values.length === 0) continue
    ratios[name] = { median: median(values), least: Math.min(...values), most: Math.max(...values) }
  }
  return { figures, ratios, rounds }
}
