import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
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
    const measured = tables(results).filter(([head]) => head?.some((cell) => cell.includes('Operations/s')))
    // Saves and loads of the seven places.
    expect(measured).toHaveLength(14)
    for (const [head, ...rows] of measured) {
      expect(head).toHaveLength(13)
      expect(rows.length).toBeGreaterThanOrEqual(2)
      for (const row of rows) {
        expect(row).toHaveLength(13)
        for (const cell of row) expect(cell.trim()).not.toBe('')
        // Operations, the cost to the main thread, and memory are never absent on Linux.
        if (process.platform === 'linux') for (const index of [3, 5, 7, 8, 12]) expect(row[index]).toMatch(/[1-9]/)
      }
    }
    const data = await read('data.json')
    // What JSON makes of NaN and Infinity.
    expect(data.includes('null')).toBe(false)
    expect(JSON.parse(data).cells.length).toBe(14)
  })

  test('draws a chart where there is more than one point', { timeout: PATIENCE }, async () => {
    const { read } = await bench('--quick', '--sizes', '2k', '--concurrency', '1,2', '--only', 'memory')
    const results = await read('RESULTS.md')
    const images = [...results.matchAll(/\]\((charts\/[^)]+)\)/g)].map(([, name]) => String(name))
    expect(images).toEqual(['charts/memory-save-2048.svg', 'charts/memory-load-2048.svg'])
    for (const name of images) {
      const svg = await read(name)
      expect(svg).not.toMatch(NOT_A_FIGURE)
      expect(svg.match(/<polyline points="\S+ \S+"/g)).toHaveLength(2)
    }
  })

  test('measures at scale', { timeout: PATIENCE }, async () => {
    const sizes = ['--conversations', '200', '--files', '20', '--gigabytes', '0.001', '--turns', '20']
    const { output, read } = await bench('--only', 'scale', ...sizes)
    const results = await read('SCALE.md')
    expect(results).not.toMatch(NOT_A_FIGURE)
    for (const row of tables(results).flat()) expect(row.join()).not.toContain('–')
    for (const [, name] of results.matchAll(/\]\((charts\/[^)]+)\)/g)) {
      expect(existsSync(join(output, String(name)))).toBe(true)
      expect(await read(String(name))).not.toContain('NaN')
    }
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

  test('the open loop counts from the moment at which an operation was meant to begin', async () => {
    const { openLoop } = await part('measure/drive.mjs')
    const latencies: number[] = []
    const operate = async (arrival: number) => {
      if (arrival > 0) return
      // The event loop is blocked: no arrival of this time can begin when it was meant to.
      const end = performance.now() + 60
      while (performance.now() < end);
    }
    const record = (ms: number) => latencies.push(ms)
    const done = await openLoop({ operate, rate: 1000, duration: 100, limit: 10_000, record })
    expect(done).toMatchObject({ operations: 100, unfinished: 0 })
    expect(latencies).toHaveLength(100)
    expect(latencies.filter((ms) => ms >= 30).length).toBeGreaterThanOrEqual(25)
  })

  test('a ratio is the median of the ratios of the rounds, and the worst cell judges', async () => {
    const { summarize } = await part('harness/statistics.mjs')
    const { judge, isReached } = await part('report/judge.mjs')
    const rounds = (rates: number[]) => rates.map((rate) => ({ rate, delayP99: 0, main: 1 }))
    const { figures, ratios } = summarize(rounds([20, 30, 5]), rounds([10, 10, 10]))
    expect(figures.rate).toBe(20)
    expect(ratios.rate).toEqual({ median: 2, least: 0.5, most: 3 })
    // Nothing by nothing: two event loops that were never late.
    expect(ratios.delayP99.median).toBe(1)

    const cell = (chains: number, median: number) => ({
      ...{ variant: 'memory', operation: 'save', loop: 'closed', size: 2048, chains },
      results: { memory: { figures: {}, ratios: { rate: { median } } } },
    })
    const target = { variants: ['memory'], subjects: ['memory'], sizes: { from: 2048 }, measure: 'rate' }
    const cells = [cell(1, 1), cell(16, 3), cell(64, 2)]
    const judged = (more: object) => judge({ ...target, ...more }, cells)
    expect(judged({ chains: { from: 16 }, atLeast: 1.5 })).toMatchObject({ reached: true, worst: { value: 2 } })
    expect(judged({ chains: { from: 1 }, atLeast: 1.5 })).toMatchObject({ reached: false, missed: 1, of: 3 })
    expect(judged({ chains: { from: 1 }, atMost: 2 })).toMatchObject({ reached: false, worst: { value: 3 } })
    expect(judged({ chains: { from: 100 }, atLeast: 1 })).toEqual({ missed: 0, of: 0 })
    expect([isReached({ atLeast: 2 }, 1, 2), isReached({ atLeast: 2 }, 0.9, 2)]).toEqual([true, false])
    expect([isReached({ atMost: 2 }, 4, 2), isReached({ atMost: 2 }, 4.1, 2)]).toEqual([true, false])
  })
})
