import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { runStorageContract } from '../testing/index.js'
import { temporaryDirectory } from './support/subjects.js'
import { LONG } from './support/waiting.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PACKAGE = '@andresaya/flowkit-storage'

/** The snippets of the documentation, by the file name in their first line. */
const SNIPPETS = new Map(
  [...readFileSync(join(ROOT, 'docs/custom-adapters.md'), 'utf8').matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```/gm)].map(
    ([, file, code]) => [file as string, code as string],
  ),
)

/** The snippets with a suite that is quicker, and counts the same. */
function snippet(file: string): string {
  const code = SNIPPETS.get(file)
  if (code === undefined) throw new Error(`the documentation has no ${file}`)
  return code.replace('close: false', 'close: false, rounds: 500, runs: 10, largestState: 1_000_000')
}

/** A new project with these files, which has this package and the test runners among its modules. */
async function makeProject(files: Record<string, string>): Promise<string> {
  const dir = await temporaryDirectory()
  for (const [link, target] of [
    [PACKAGE, '.'],
    ['vitest', 'node_modules/vitest'],
    ['@jest/globals', 'node_modules/@jest/globals'],
  ] as const) {
    mkdirSync(dirname(join(dir, 'node_modules', link)), { recursive: true })
    symlinkSync(join(ROOT, target), join(dir, 'node_modules', link))
  }
  for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text)
  return dir
}

function run(dir: string, ...args: string[]) {
  // What the runner of this very test leaves in the environment is none of theirs.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(VITEST|JEST|NODE_TEST|NODE_ENV|NODE_OPTIONS|TEST$|FORCE_COLOR)/.test(name),
    ),
  )
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: dir,
    env: { ...env, NO_COLOR: '1' },
    encoding: 'utf8',
    timeout: LONG,
  })
  return { status, output: stdout + stderr }
}

const MODULES = join(ROOT, 'node_modules')

/** Each runner: how it is started, its test file, and how its report counts. */
const RUNNERS = {
  'node --test': {
    file: 'node-test.test.mjs',
    args: ['--test', '--test-reporter=tap', 'node-test.test.mjs'],
    more: {},
    passed: /^# pass (\d+)$/m,
    failed: /^# fail (\d+)$/m,
  },
  vitest: {
    file: 'vitest.test.mjs',
    args: [join(MODULES, 'vitest/vitest.mjs'), 'run', '--reporter=verbose'],
    more: {},
    passed: /Tests .*?(\d+) passed/,
    failed: /Tests .*?(\d+) failed/,
  },
  jest: {
    file: 'jest.test.cjs',
    args: [join(MODULES, 'jest/bin/jest.js'), '--ci', '--verbose'],
    more: {
      'jest.config.cjs':
        'module.exports = { testMatch: ["**/*.test.cjs"], transform: {}, watchman: false, cacheDirectory: "./cache" }',
    },
    passed: /^Tests: .*?(\d+) passed/m,
    failed: /^Tests: .*?(\d+) failed/m,
  },
}

const count = (output: string, pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? 0)

/** How many tests the suite has for an adapter without `plant`, `codes` and `close`. */
const TESTS = 17

describe.each(Object.entries(RUNNERS))(
  'the exported suite under %s',
  (_runner, { file, args, more, passed, failed }) => {
    const files = (adapter: string) => ({ 'my-storage.cjs': adapter, [file]: snippet(file), ...more })

    it('passes for the adapter of the documentation', async () => {
      const { status, output } = run(await makeProject(files(snippet('my-storage.cjs'))), ...args)
      expect({ failed: count(output, failed), passed: count(output, passed) }, output).toEqual({
        failed: 0,
        passed: TESTS,
      })
      expect(status).toBe(0)
    })

    it('fails for an adapter that keeps the object itself', async () => {
      const broken = snippet('my-storage.cjs')
        .replace('JSON.stringify(state)', '(JSON.stringify(state), state)')
        .replace('JSON.parse(text)', 'text')
      const { status, output } = run(await makeProject(files(broken)), ...args)
      expect(status, output).not.toBe(0)
      expect(output).toMatch(/(✕|×|not ok \d+ -).* P1 saves the state/)
      expect(output).toMatch(/(✕|×|not ok \d+ -).* P3 returns a fresh copy/)
      expect(output).toMatch(/(✓|ok \d+ -).* P7 returns null/)
    })
  },
)

describe('the exported suite', () => {
  const withoutRunner = (name: string) =>
    snippet(name)
      .replace(', describe, it }', ' }')
      .replace(/^import .* from 'vitest'\n/, '')

  it('takes the globals of vitest', async () => {
    const { file, args, passed } = RUNNERS.vitest
    const dir = await makeProject({ 'my-storage.cjs': snippet('my-storage.cjs'), [file]: withoutRunner(file) })
    const { output } = run(dir, ...args, '--globals')
    expect(count(output, passed), output).toBe(TESTS)
  })

  it('asks for the functions of vitest and jest where they are no globals', async () => {
    const { file, args } = RUNNERS.vitest
    const vitest = await makeProject({ 'my-storage.cjs': snippet('my-storage.cjs'), [file]: withoutRunner(file) })
    const vitestRun = run(vitest, ...args)
    expect(vitestRun.status).not.toBe(0)
    expect(vitestRun.output).toContain('Pass the options { describe, it } from "vitest"')
    const { jest } = RUNNERS
    const dir = await makeProject({
      'my-storage.cjs': snippet('my-storage.cjs'),
      [jest.file]: snippet(jest.file),
      ...jest.more,
    })
    const jestRun = run(dir, ...jest.args, '--injectGlobals=false')
    expect(jestRun.status).not.toBe(0)
    expect(jestRun.output).toContain('Pass the options { describe, it } from "@jest/globals"')
  })

  it('takes the functions of @jest/globals', async () => {
    const { file, args, more, passed } = RUNNERS.jest
    const code = `const { describe, it } = require('@jest/globals')\n${snippet(file).replace(' })', ', describe, it })')}`
    const dir = await makeProject({ 'my-storage.cjs': snippet('my-storage.cjs'), [file]: code, ...more })
    const { output } = run(dir, ...args, '--injectGlobals=false')
    expect(count(output, passed), output).toBe(TESTS)
  })

  it('knows the objects that Node itself makes under jest, which are of another realm', async () => {
    const { file, args, more } = RUNNERS.jest
    const cloning = snippet('my-storage.cjs')
      .replace('JSON.stringify(state)', 'structuredClone(JSON.parse(JSON.stringify(state)))')
      .replace('JSON.parse(text)', 'structuredClone(text)')
    const dir = await makeProject({ 'my-storage.cjs': cloning, [file]: snippet(file), ...more })
    const { output } = run(dir, ...args)
    expect(output).toMatch(/✓ P1 saves the state/)
    expect(output).toMatch(/✓ P4 keeps whatever JSON keeps/)
  })

  it('says what to install where fast-check is missing', async () => {
    const dir = await temporaryDirectory()
    const installed = join(dir, 'node_modules', PACKAGE)
    mkdirSync(installed, { recursive: true })
    for (const part of ['package.json', 'testing']) cpSync(join(ROOT, part), join(installed, part), { recursive: true })
    const script = `require('${PACKAGE}/testing').runStorageContract(() => ({}))`
    const { status, output } = run(dir, '-e', script)
    expect(status).toBe(1)
    expect(output).toContain('npm install --save-dev fast-check')
  })

  it('refuses wrong arguments', () => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    const suite = runStorageContract as any
    expect(() => suite()).toThrow(/needs a function/)
    expect(() => suite(() => ({}), { kode: true })).toThrow(/no option "kode"; it has name, plant, codes/)
    expect(() => suite(() => ({}), { codes: 'yes' })).toThrow(/"codes".* must be a boolean/)
    expect(() => suite(() => ({}), { rounds: 0 })).toThrow(/"rounds".* at least 1/)
  })

  it('documents every option', () => {
    const options = optionNames()
    const types = readFileSync(join(ROOT, 'testing/index.d.ts'), 'utf8')
    const page = readFileSync(join(ROOT, 'docs/custom-adapters.md'), 'utf8')
    expect(options.length).toBeGreaterThan(10)
    for (const name of options) {
      expect(types).toMatch(new RegExp(`\\*/\\n  ${name}\\?: `))
      expect(page).toMatch(new RegExp(`^\\|.*\`${name}\`.*\\|.*\\|.*\\|$`, 'm'))
    }
  })
})

/** The names of the options, as the suite's own message about an unknown one lists them. */
function optionNames(): string[] {
  try {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    runStorageContract(() => ({}) as any, { '?': true } as any)
  } catch (error) {
    return /it has (.*)\.$/.exec((error as Error).message)?.[1]?.split(', ') ?? []
  }
  throw new Error('an unknown option was accepted')
}
