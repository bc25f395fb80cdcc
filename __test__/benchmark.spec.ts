import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

import { temporaryDirectory } from './support/subjects.js'

const run = promisify(execFile)
const BENCHMARK = fileURLToPath(new URL('../benchmark/', import.meta.url))
const PATIENCE = 400_000

async function bench(...args: string[]): Promise<{ output: string; read: (name: string) => Promise<string> }> {
  const output = await temporaryDirectory()
  const rest = ['--output', output, '--json', join(output, 'data.json'), '--seconds', '0.02', ...args]
  const env = { ...process.env, BENCHMARK_NO_BUILD: '1' }
  await run(process.execPath, [join(BENCHMARK, 'run.mjs'), ...rest], { env, timeout: PATIENCE })
  return { output, read: (name) => readFile(join(output, name), 'utf8') }
}

/** The tables of a Markdown file, as rows of cells, the head first. */
function tables(markdown: string): string[][][] {
  return markdown
    .split('\n\n')
    .map((block) => block.trim())
    .filter((block) => block.startsWith('|'))
    .map((block) => block.split('\n').filter((line) => !/^[| :-]+$/.test(line)))
    .map((lines) => lines.map((line) => line.split('|').slice(1, -1)))
}

const NOT_A_FIGURE = /NaN|Infinity|undefined|null|\[object/

describe('npm run bench', () => {
  test('measures every adapter, with all columns filled', { timeout: PATIENCE }, async () => {
    const { output, read } = await bench('--quick', '--sizes', '2k', '--concurrency', '2')
    const results = await read('RESULTS.md')
    expect(results).not.toMatch(NOT_A_FIGURE)
    expect(results).not.toContain(output)
    const measured = tables(results).filter(([head]) => head?.some((cell) => cell.includes('Saves/s')))
    // One for each backend: memory, files, SQLite, Redis. Redis has one place, files have two, SQLite three.
    expect(measured.map(([, ...rows]) => rows.length)).toEqual([2, 4, 8, 5])
    for (const [head, ...rows] of measured) {
      expect(head).toHaveLength(14)
      for (const row of rows) {
        expect(row).toHaveLength(14)
        const isReference = row[5]?.trim() === 'reference'
        for (const [index, cell] of row.entries()) {
          if (!isReference || (index !== 7 && index !== 12)) expect(cell.trim()).not.toBe('')
        }
        // The rate, its ratio, and the cost to the main thread are never absent on Linux.
        const ratios = isReference ? [] : [5, 7, 10, 12]
        if (process.platform === 'linux')
          for (const index of [4, 6, 9, 11, ...ratios]) expect(row[index]).toMatch(/[1-9]/)
      }
    }
    const data = await read('data.json')
    // What JSON makes of NaN and Infinity.
    expect(data.includes('null')).toBe(false)
    expect(JSON.parse(data).cells.length).toBe(14)
  })

  test('compares two checkouts in turns', { timeout: PATIENCE }, async () => {
    const checkout = fileURLToPath(new URL('..', import.meta.url))
    const { output, read } = await bench('--against', checkout, '--rounds', '1', '--concurrency', '2')
    const comparison = await read('COMPARISON.md')
    expect(comparison).not.toMatch(NOT_A_FIGURE)
    for (const path of [output, checkout]) expect(comparison).not.toContain(path)
    const [[, ...rows] = []] = tables(comparison).filter(([head]) =>
      head?.some((cell) => cell.includes('Here / there')),
    )
    // Saves and loads of ten adapters: one in memory, two on files, two on Redis, five on SQLite.
    expect(rows).toHaveLength(20)
    for (const row of rows) {
      expect(row).toHaveLength(11)
      if (process.platform === 'linux') for (const cell of row.slice(5)) expect(cell).toMatch(/[1-9]/)
    }
  })

  test('refuses a checkout that cannot be loaded', { timeout: PATIENCE }, async () => {
    const failure = await bench('--against', await temporaryDirectory()).catch((error) => error)
    expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining('--against PATH') })
  })
})

describe('what it is made of', () => {
  const part = (name: string) => import(new URL(`../benchmark/${name}`, import.meta.url).href)

  test.each(['ascii', 'latin', 'emoji'])('states in %s have the size, and no two are the same', async (text) => {
    const { makeStates } = await part('measure/states.mjs')
    for (const size of [2048, 20_480]) {
      const texts: string[] = makeStates({ size, count: 20, text }).map((state: unknown) => JSON.stringify(state))
      for (const one of texts) expect(Buffer.byteLength(one)).toBe(size)
      expect(new Set(texts).size).toBe(20)
    }
  })

  test('the closed loop lets the event loop turn where nothing is waited for', async () => {
    const { closedLoop } = await part('measure/drive.mjs')
    let turns = 0
    const ticking = setInterval(() => turns++, 1)
    const operate = async () => {}
    await closedLoop({ operate, chains: 4, duration: 50, minimum: 1, limit: 1000 })
    clearInterval(ticking)
    expect(turns).toBeGreaterThan(1)
  })

  test('a ratio is the median of the ratios of the rounds', async () => {
    const { summarize } = await part('harness/statistics.mjs')
    const rounds = (rates: number[]) => rates.map((rate) => ({ rate, delayP99: 0, main: 1 }))
    const { figures, ratios } = summarize(rounds([20, 30, 5]), rounds([10, 10, 10]))
    expect(figures.rate).toBe(20)
    expect(ratios.rate).toEqual({ median: 2, least: 0.5, most: 3 })
    // Zero by zero: two event loops that were never late.
    expect(ratios.delayP99.median).toBe(1)
  })

  test('a comparison marks what is slower than before', async () => {
    const { renderComparison } = await part('compare.mjs')
    const ratio = (median: number) => ({ median, least: median, most: median })
    const row = (rate: number, main: number) => {
      const figures = { rate: 1, main: 1 }
      const results = { there: { figures }, here: { figures, ratios: { rate: ratio(rate), main: ratio(main) } } }
      const sides = { there: { subject: 'memory' }, here: { subject: 'memory' } }
      const cells = [{ place: 'memory', operation: 'save', size: 2048, chains: 1, sides, results }]
      const text = renderComparison({ environment: {}, options: { settings: {} }, leftOut: [], cells })
      return tables(text)
        .at(-1)?.[1]
        ?.map((cell) => cell.trim())
    }
    expect(row(0.9, 1.11)).toContainEqual('0.90x (0.90–0.90)')
    expect(row(0.9, 1.11)).toContainEqual('1.11x (1.11–1.11)')
    expect(row(0.89, 1)).toContainEqual('**0.89x (0.89–0.89)**')
    expect(row(1, 1.12)).toContainEqual('**1.12x (1.12–1.12)**')
  })

  test('turns are compared with V8 alone, and drawn', async () => {
    const { renderTurns } = await part('report/turns.mjs')
    const { drawTurns } = await part('report/chart.mjs')
    const results = (factor: number) =>
      [
        ['v8', 100],
        ['memory', 100 * factor],
      ].map(([subject, main]) => {
        const median = Number(main) / 100
        return { place: 'memory', subject, figures: { main, rate: 1 }, ratios: { main: { median, least: 1, most: 1 } } }
      })
    const cells = [0.35, 0.36].map((factor, index) => {
      return { engine: 'append', size: 20_480, chains: 1, version: `v${index}`, results: results(factor) }
    })
    const data = { environment: {}, rounds: 1, duration: 1, versions: ['v0', 'v1'], cells, operations: [] }
    const [, targets] = tables(renderTurns(data))
    expect(targets?.[1]?.map((cell) => cell.trim())).toEqual(
      expect.arrayContaining(['<= 0.35x', '0.35x yes', '0.36x **no**']),
    )
    const larger = { ...cells[0], size: 40_960, results: results(0.5) }
    const drawing: string = drawTurns([cells[0], larger])
    expect(drawing).toContain('>MemoryStorage</text>')
    expect(drawing.match(/<circle/g)).toHaveLength(4)
    expect(drawing).not.toContain('NaN')
  })

  test('the subject that is furthest from a target judges, and half of a target is allowed for', async () => {
    const { judge, isReached, cellsOf, TARGETS } = await part('targets.mjs')
    const about = { place: 'sqlite-wal-full', operation: 'save', size: 2048, chains: 64 }
    const result = (median: number) => ({ ratios: { rate: { median } } })
    const cells = [{ ...about, results: { upsert: result(1), db: result(3), path: result(2) } }]
    const judged = (more: object) => judge({ ...about, subjects: ['db', 'path'], measure: 'rate', ...more }, cells)
    expect(judged({ atLeast: 1 })).toBe(2)
    expect(judged({ atMost: 1 })).toBe(3)
    expect(judged({ atLeast: 1, subjects: ['db'] })).toBe(3)
    for (const other of [{ chains: 1 }, { size: 1 }, { operation: 'load' }, { place: 'memory' }, { measure: 'main' }]) {
      expect(judged({ atLeast: 1, ...other })).toBeUndefined()
    }
    expect([isReached({ atLeast: 2 }, 2), isReached({ atLeast: 2 }, 1.9)]).toEqual([true, false])
    expect([isReached({ atMost: 2 }, 2), isReached({ atMost: 2 }, 2.1)]).toEqual([true, false])
    expect([isReached({ atLeast: 2 }, 1, 2), isReached({ atLeast: 2 }, 0.9, 2)]).toEqual([true, false])
    expect([isReached({ atMost: 2 }, 4, 2), isReached({ atMost: 2 }, 4.1, 2)]).toEqual([true, false])
    // The guard measures every subject that a target names, next to the reference.
    const planned: (typeof about & { sides: object })[] = cellsOf()
    for (const target of TARGETS) {
      const cell = planned.find((other) => judge(target, [{ ...other, results: withRatio(other.sides, target) }]) === 1)
      expect(Object.keys(cell?.sides ?? {})).toEqual(expect.arrayContaining(target.subjects))
    }
  })
})

const withRatio = (sides: object, { measure }: { measure: string }) =>
  Object.fromEntries(Object.keys(sides).map((side) => [side, { ratios: { [measure]: { median: 1 } } }]))
