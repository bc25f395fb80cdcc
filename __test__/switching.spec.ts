// What a user of FlowKit does who switches to this package: installs it, in a project of one kind or another, and runs.
import { readFileSync } from 'node:fs'
import { cp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

import { faults, PATIENT_JEST, PATIENT_VITEST, type Run, runToEnd } from './support/ending.js'
import { makeProject, openWorkshop, type Workshop } from './support/packed.js'
import { HAS_ALL_NODES, MAJORS, nodeOf } from './support/tools.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const THREE = ['MemoryStorage', 'FileStorage', 'SQLiteStorage']
const FOUR = [...THREE, 'SQLiteStorage']

let workshop: Workshop
const summary: string[] = []

beforeAll(async () => {
  workshop = await openWorkshop()
})

afterAll(async () => {
  if (process.env.SWITCHING_SUMMARY) console.log(summary.join('\n'))
  if (workshop !== undefined) await rm(workshop.dir, { recursive: true, force: true })
})

/** The path of a tool's program. */
function tool(path: string): string {
  return join(workshop.dir, 'node_modules', path)
}

function remember(name: string, { code, lines, afterwards }: Run): void {
  const [{ node = '', kept = [] } = {}] = lines
  summary.push(`${name} | ${node} | ${lines.length} x ${kept.join(' ')} | code ${code} | ${afterwards} ms`)
}

/** Runs `main.js` on every version of Node.js. better-sqlite3 is compiled for the running one only. */
async function runOnAll(name: string, project: string): Promise<void> {
  for (const major of HAS_ALL_NODES ? MAJORS : [Number.parseInt(process.versions.node, 10)]) {
    const node = nodeOf(major, join(workshop.dir, 'node_modules'))
    for (const sqlite of node === process.execPath ? ['db', 'path'] : ['path']) {
      await rm(join(project, 'data'), { recursive: true, force: true })
      const run = await runToEnd(project, node, ['main.js', sqlite])
      remember(`${name}, { ${sqlite} }`, run)
      expect(faults(run, project, THREE)).toEqual([])
      expect(run.lines[0]?.node).toMatch(`v${major}.`)
    }
  }
}

describe('a project that switches', () => {
  it('in TypeScript and ECMAScript modules type-checks, runs and ends', async () => {
    const project = await makeProject(workshop, 'typescript')
    const [withNode, bare] = [['tsconfig.json', 'tsconfig.bundler.json'], 'tsconfig.bare.json']
    const compilers = { typescript: [...withNode, bare], typescript5: withNode, typescript50: [bare] }
    for (const [compiler, configs] of Object.entries(compilers)) {
      for (const config of configs) {
        const program = tool(`${compiler}/bin/tsc`)
        const { code, output } = await runToEnd(project, process.execPath, [program, '--project', config])
        expect({ compiler, config, code, output }).toEqual({ compiler, config, code: 0, output: '' })
      }
    }
    await runOnAll('TypeScript and ESM', project)
  })

  it('in CommonJS runs and ends', async () => {
    await runOnAll('CommonJS', await makeProject(workshop, 'commonjs'))
  })

  it('with Jest has Jest end by itself, without open handles', async () => {
    const project = await makeProject(workshop, 'jest')
    const jest = async (name: string, files: number, ...args: string[]) => {
      const run = await runToEnd(project, process.execPath, [tool('jest/bin/jest.js'), ...PATIENT_JEST, ...args])
      remember(`Jest, ${name}`, run)
      expect(faults(run, project, FOUR, files)).toEqual([])
      // What Jest says where it found open handles, did not end, or had to end a worker.
      expect(run.output).not.toMatch(/open handle|did not exit|failed to exit/i)
      expect(run.output).toContain(`Tests:       ${3 * files} passed, ${3 * files} total`)
    }
    await jest('one file', 1)
    await jest('one file, --detectOpenHandles', 1, '--detectOpenHandles')
    for (let count = 2; count <= 12; count++) {
      await cp(join(project, 'storage.test.js'), join(project, `storage-${count}.test.js`))
    }
    await jest('12 files in one process', 12, '--runInBand', '--detectOpenHandles')
    await jest('12 files in two workers', 12, '--maxWorkers=2')
  })

  it('with Jest and ioredis leaves no open handle beside the client', async () => {
    const project = await makeProject(workshop, 'jest-redis')
    const server = { port: inject('redisPort'), ioredis: createRequire(import.meta.url).resolve('ioredis6') }
    await writeFile(join(project, 'server.json'), JSON.stringify(server))
    const run = await runToEnd(project, process.execPath, [
      tool('jest/bin/jest.js'),
      ...PATIENT_JEST,
      '--detectOpenHandles',
    ])
    remember('Jest, ioredis', run)
    expect(faults(run, project, ['RedisStorage', 'RedisStorage'])).toEqual([])
    expect(run.output).not.toMatch(/open handle|did not exit/i)
  })

  it('with Vitest has Vitest end by itself', async () => {
    const project = await makeProject(workshop, 'vitest')
    for (const pool of ['forks', 'threads']) {
      const args = [tool('vitest/vitest.mjs'), 'run', ...PATIENT_VITEST, '--pool', pool, '--disable-console-intercept']
      const run = await runToEnd(project, process.execPath, args)
      remember(`Vitest, ${pool}`, run)
      expect(faults(run, project, FOUR)).toEqual([])
      // What Vitest says where it had to end a worker.
      expect(run.output).not.toMatch(/close timed out|hanging/i)
    }
  })

  it('without the native package is told so', async () => {
    const project = await makeProject(workshop, 'commonjs', [workshop.root])
    const { code, output } = await runToEnd(project, process.execPath, ['main.js', 'path'])
    expect(code).toBe(1)
    expect(output).toContain('Cannot load @andresaya/flowkit-storage on')
    expect(output).toContain(`Cannot find module '@andresaya/flowkit-storage-${process.platform}-${process.arch}`)
  })
})

describe('the packed package', () => {
  it('holds what is needed to run it, and its pages, and nothing else', () => {
    const allowed =
      /^index\.js$|^(index|binding)\.d\.ts$|^(lib|testing)\/[\w/-]+\.(js|d\.ts)$|^cli\/[\w/-]+\.(js|html|css)$|^(package\.json|(docs\/[a-z-]+|(benchmark\/)?[A-Z]+)\.md|LICENSE)$/
    const others = workshop.root.files.filter((file) => !allowed.test(file))
    expect(others).toEqual(['examples/postgres-locks.ts', 'examples/postgres-storage.ts'])
    for (const file of ['index.js', 'index.d.ts', 'lib/binding.js', 'lib/adapter.js', 'README.md', 'LICENSE']) {
      expect(workshop.root.files).toContain(file)
    }
    expect(workshop.native.files).toEqual([
      'LICENSE',
      'README.md',
      'THIRD-PARTY-LICENSES',
      expect.stringMatching(/^flowkit-storage\.[\w-]+\.node$/),
      'package.json',
    ])
  })

  it('holds every file that its pages link to', () => {
    const pages = workshop.root.files.filter((file) => file.endsWith('.md'))
    const links = pages.flatMap((page) => {
      const targets = readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)
      return [...targets].map(([, target = '']) => posix.join(posix.dirname(page), target))
    })
    expect(links.length).toBeGreaterThan(5)
    // Pictures stay in the repository.
    const files = links.filter((link) => !/\.(png|svg)$/.test(link))
    expect(files.filter((link) => !workshop.root.files.includes(link))).toEqual([])
  })

  it('has nothing that publint would have otherwise', async () => {
    for (const { path } of [workshop.root, workshop.native]) {
      const args = [tool('publint/src/cli.js'), 'run', path, '--strict']
      const { code, output } = await runToEnd(ROOT, process.execPath, args)
      expect(code, output).toBe(0)
      expect(output).toContain('All good')
    }
  })
})
