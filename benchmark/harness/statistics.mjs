// Rounds become one figure.

/** @param {number[]} values not empty */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** What is not to become a division by nothing: an event loop that was never late. */
const LEAST_DELAY_MS = 0.05

/** What is compared with the reference, and how it is read from a measurement. */
export const RATIOS = {
  rate: ({ rate }) => rate,
  main: ({ main }) => main,
  whole: ({ whole }) => whole,
  delayP99: ({ delayP99 }) => Math.max(LEAST_DELAY_MS, delayP99),
  latencyP50: ({ latencyP50 }) => latencyP50,
  latencyP99: ({ latencyP99 }) => latencyP99,
}

/**
 * The medians of a subject's rounds; and its ratios to the reference, each the median of the ratios of one round, in
 * which the two ran one after the other.
 *
 * @param {Record<string, any>[]} rounds
 * @param {Record<string, any>[]} reference
 */
export function summarize(rounds, reference) {
  /** @type {Record<string, number | undefined>} */
  const figures = {}
  for (const name of Object.keys(rounds[0])) {
    const values = rounds.map((round) => round[name])
    if (values.every((value) => typeof value === 'number')) figures[name] = median(values)
  }
  /** @type {Record<string, { median: number, least: number, most: number }>} */
  const ratios = {}
  for (const [name, read] of Object.entries(RATIOS)) {
    const values = rounds.map((round, index) => read(round) / read(reference[index])).filter(Number.isFinite)
    if (values.length === 0) continue
    ratios[name] = { median: median(values), least: Math.min(...values), most: Math.max(...values) }
  }
  return { figures, ratios, rounds }
}
