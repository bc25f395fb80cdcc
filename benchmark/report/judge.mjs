// Compares what was measured with the targets.

export const within = (value, { from, to = Number.POSITIVE_INFINITY }) => value >= from && value <= to

/**
 * What each target came to: the cell that is furthest from it decides. `reached` is `undefined` where nothing of it was
 * measured.
 *
 * @param {import('../targets.mjs').Target} target
 * @param {import('../harness/schedule.mjs').Measured[]} cells
 * @returns {{ reached?: boolean, worst?: { value: number, cell: import('../harness/schedule.mjs').Measured, subject: string }, missed: number, of: number }}
 */
export function judge(target, cells) {
  const found = cells
    .filter((cell) => cell.loop === 'closed' && target.variants.includes(cell.variant))
    .filter((cell) => target.operation === undefined || cell.operation === target.operation)
    .filter((cell) => within(cell.size, target.sizes) && within(cell.chains, target.chains))
    .flatMap((cell) =>
      target.subjects
        .filter((subject) => cell.results[subject] !== undefined)
        .map((subject) => ({ cell, subject, value: readMeasure(cell.results[subject], target.measure) })),
    )
    .filter(({ value }) => value !== undefined)
  if (found.length === 0) return { missed: 0, of: 0 }
  found.sort((a, b) => (target.atLeast === undefined ? b.value - a.value : a.value - b.value))
  const missed = found.filter(({ value }) => !isReached(target, value)).length
  return { reached: missed === 0, worst: found[0], missed, of: found.length }
}

function readMeasure({ figures, ratios }, measure) {
  return measure === 'mainToJson' ? figures.mainToJson : ratios[measure]?.median
}

/**
 * @param {{ atLeast?: number, atMost?: number }} target
 * @param {number} value
 * @param {number} [allowance] by how much it may be missed: 2 for half of what is to be reached
 */
export function isReached({ atLeast, atMost }, value, allowance = 1) {
  return atLeast === undefined ? value <= /** @type {number} */ (atMost) * allowance : value >= atLeast / allowance
}
