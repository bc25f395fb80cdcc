// `npm test`: installs what the tests need, builds, runs everything, and ends with one line that counts it.
//
//     npm test -- redis     the specs and the Rust tests that have the word in their names; several words: all of them
//     npm test -- types     the type check; `rust`: all Rust tests
//     npm run test:core     types, Rust, and the specs that need nothing but node_modules, with few rounds of what takes many
//     npm test -- --guard   everything, and the speed
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { attempt, build, compileTestPackages, installPackages, ROOT, say } from './setup.mjs'

const { values: options, positionals: words } = parseArgs({
  options: { core: { type: 'boolean' }, guard: { type: 'boolean' } },
  allowPositionals: true,
})
const all = words.length === 0
/** Words that name specs. */
const specs = words.filter((word) => word !== 'types' && word !== 'rust')
const wants = {
  types: all || words.includes('types'),
  rust: all || words.includes('rust') || hasModule(specs),
  javascript: all || specs.length > 0,
}
/** For a quick look. They are upper limits or durations, and the caller's own go first. */
const FEW = { FLOWKIT_KILLS: '10', FLOWKIT_FUZZ_SECONDS: '1' }

const total = { passed: 0, failed: 0, skipped: 0 }
function add(passed, failed, skipped = 0) {
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
}
const addOne = (passed) => add(passed ? 1 : 0, passed ? 0 : 1)

/** Returns whether a Rust module has one of the words in its path, and with it the names of its tests. */
function hasModule(among) {
  const paths = ['src', 'crates'].flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true }))
  return paths.some((path) => path.endsWith('.rs') && among.some((word) => path.includes(word)))
}

/**
 * Starts a command that runs beside others. Resolves with its output, which would be mixed with theirs. It goes to a file: this
 * process reads no pipe while it waits for another command, and 278 dots of the Rust tests fill one, which stops them.
 */
function start(command, args) {
  const folder = mkdtempSync(join(tmpdir(), 'flowkit-output-'))
  const path = join(folder, 'output')
  const file = openSync(path, 'w')
  const child = spawn(command, args, {
    cwd: ROOT,
    shell: process.platform === 'win32',
    stdio: ['ignore', file, file],
  })
  closeSync(file)
  // This process may end early, as where the build fails.
  const end = () => {
    child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', end)
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ status: null, output: `${error.message}\n` }))
    child.once('close', (status) => resolve({ status, output: readFileSync(path, 'utf8') }))
  }).finally(() => {
    process.off('exit', end)
    rmSync(folder, { recursive: true, force: true })
  })
}

function startRust() {
  const filters = words.includes('rust') ? [] : specs
  return start('cargo', ['test', '--workspace', '--quiet', '--', ...filters])
}

function reportRust({ status, output }) {
  say('Rust tests')
  process.stdout.write(output)
  const counts = [...output.matchAll(/^test result: .* (\d+) passed; (\d+) failed; (\d+) ignored/gm)]
  for (const [, passed, failed, ignored] of counts) add(Number(passed), Number(failed), Number(ignored))
  // A failed build, or an abort in the middle, leaves no count behind.
  if (status !== 0 && !counts.some(([, , failed]) => failed !== '0')) add(0, 1)
}

function reportTypes({ status, output }) {
  say(`Type check: ${status === 0 ? 'passed' : 'failed'}`)
  process.stdout.write(output)
  addOne(status === 0)
}

function testJavascript() {
  say('JavaScript tests ...')
  const reports = mkdtempSync(join(tmpdir(), 'flowkit-report-'))
  const report = join(reports, 'vitest.json')
  const chosen = options.core ? ['--project', 'core'] : all ? [] : [...specs, '--passWithNoTests']
  const outputs = ['--reporter=default', '--reporter=json', `--outputFile=${report}`]
  const env = options.core ? { ...FEW, ...process.env } : process.env
  const { status, signal } = attempt('npx', ['--no-install', 'vitest', 'run', ...chosen, ...outputs], { env })
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'))
    add(numPassedTests, numFailedTests, numPendingTests + numTodoTests)
    // An error outside of any test.
    if (status !== 0 && numFailedTests === 0) add(0, 1)
  } catch {
    console.error(`The JavaScript tests ended with ${signal ?? status}, and without a report.`)
    add(0, 1)
  }
  rmSync(reports, { recursive: true })
}

installPackages()
// Cargo compiles the Rust tests while it compiles the addon, which ends with minutes on a single core. Most of them wait,
// so that they run beside the JavaScript tests.
const rust = wants.rust ? startRust() : undefined
if (wants.javascript) {
  compileTestPackages()
  // What is published is tested. For a part of the tests, the build that takes seconds after a change will do.
  build({ debug: !all || options.core })
  // Whoever builds gets the generated file anew; in CI it must be the committed one.
  if (process.env.CI) addOne(attempt('git', ['diff', '--exit-code', '--stat', '--', 'binding.d.ts']).status === 0)
}
// The types that users see, and those of the JavaScript that they install or open in a browser.
const PROJECTS = ['tsconfig.json', 'tsconfig.check.json', 'tsconfig.page.json']
const types = wants.types
  ? Promise.all(PROJECTS.map((project) => start('npx', ['--no-install', 'tsc', '--project', project])))
  : undefined
if (wants.javascript) testJavascript()
if (types) (await types).forEach(reportTypes)
if (rust) reportRust(await rust)

if (!all && total.passed + total.failed + total.skipped === 0) {
  console.error(`No test has ${words.join(' or ')} in its name.`)
  add(0, 1)
}

// Not part of `npm test`: it takes a minute, and wants a machine that does nothing else.
if (options.guard) {
  say('Speed ...')
  addOne(attempt('node', ['benchmark/guard.mjs']).status === 0)
}

console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed === 0 ? 0 : 1)
