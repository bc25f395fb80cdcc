// The measurements whose results are tables.
import { drawCharts } from '../report/charts.mjs'
import { renderResults } from '../report/markdown.mjs'
import { measureFloors } from './floors.mjs'
import { planCells } from './plan.mjs'
import { startProgress } from './progress.mjs'
import { measureAll } from './schedule.mjs'

/**
 * @typedef {object} Run
 * @property {import('./options.mjs').Options} options
 * @property {ReturnType<typeof import('./environment.mjs').describeEnvironment>} environment
 * @property {string} root an empty directory to write in
 * @property {boolean} redis whether there is a redis-server
 * @property {boolean} compared whether there are the packages to compare with
 * @property {string[]} leftOut
 */

/** @param {Run} run */
export async function measureTables({ options, environment, root, redis, compared, leftOut }) {
  const cells = planCells(options, { compared, redis })
  const total = cells.reduce((sum, { subjects }) => sum + subjects.length, 0) * options.rounds
  const progress = startProgress(total)
  try {
    progress.step('floors')
    const floors = await measureFloors(options, root, redis)
    const measured = await measureAll(cells, options, root, progress)
    if (measured.length < cells.length) {
      const names = cells
        .slice(measured.length)
        .map(({ variant, operation, chains }) => `${variant} ${operation} x ${chains}`)
      leftOut.push(`${names.join(', ')}; the time was over.`)
    }
    const data = { environment, options, leftOut, floors, cells: measured }
    const charts = drawCharts(measured)
    // The directories of one machine are of no use elsewhere.
    const { directory: _, output: __, json: ___, ...shared } = options
    return { file: 'RESULTS.md', markdown: renderResults(data, charts), charts, data: { ...data, options: shared } }
  } finally {
    progress.stop()
  }
}
