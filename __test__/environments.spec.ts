// The environments of test runners, whose timers may be faked before the package is loaded, or after.
import { rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'

import { PATIENT_JEST, PATIENT_VITEST, runToEnd } from './support/ending.js'
import { makeProject, openWorkshop, type Workshop } from './support/packed.js'

let workshop: Workshop
let project: string

beforeAll(async () => {
  workshop = await openWorkshop()
  project = await makeProject(workshop, 'environments')
  const server = { port: inject('redisPort'), ioredis: createRequire(import.meta.url).resolve('ioredis6') }
  await writeFile(join(project, 'server.json'), JSON.stringify(server))
})

afterAll(async () => {
  if (workshop !== undefined) await rm(workshop.dir, { recursive: true, force: true })
})

const tool = (path: string) => join(workshop.dir, 'node_modules', path)

/** Runs a runner that should say so many tests passed, print nothing of ours, and end by itself. */
async function run(passed: RegExp, ...args: string[]) {
  const { code, output } = await runToEnd(project, process.execPath, args)
  expect(code, output).toBe(0)
  expect(output).toMatch(passed)
  expect(output).not.toMatch(/open handle|did not exit|failed to exit|close timed out|hanging|warning/i)
}

it('Jest in Node.js and jsdom, with modern and legacy fake timers, passes and ends', async () => {
  await run(/Tests: +9 passed/, tool('jest/bin/jest.js'), ...PATIENT_JEST, '--runInBand', '--detectOpenHandles')
})

it('Vitest in each pool, with jsdom and happy-dom, passes and ends', async () => {
  await run(/Tests +12 passed/, tool('vitest/vitest.mjs'), 'run', ...PATIENT_VITEST, '--no-color', '--maxWorkers=2')
})

it('node --test, whose fake timers also replace those of the modules, passes and ends', async () => {
  await run(/pass 3\n/, '--no-warnings', '--test', 'node.cjs')
})
