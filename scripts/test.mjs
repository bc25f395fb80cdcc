// `npm test`: installs what the tests need, builds, runs everything, and ends with one line that counts it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  attempt,
  build,
  compileTestPackages,
  installPackages,
  installPostgres,
  installRedis,
  installStrace,
  ROOT,
  say,
} from './setup.mjs'

installPackages()
installRedis()
installPostgres()
installStrace()
compileTestPackages()
build()

const total = { passed: 0, failed: 0, skipped: 0 }
const add = (passed, failed, skipped = 0) => {
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
}

// Whoever builds gets the generated files anew; in CI they must be the committed ones.
if (process.env.CI) {
  const generated = attempt('git', ['diff', '--exit-code', '--stat', '--', 'binding.js', 'binding.d.ts'])
  add(generated.status === 0 ? 1 : 0, generated.status === 0 ? 0 : 1)
}

say('Type check ...')
const types = attempt('npx', ['--no-install', 'tsc', '--project', 'tsconfig.json'])
add(types.status === 0 ? 1 : 0, types.status === 0 ? 0 : 1)

say('Rust tests ...')
const rust = spawnSync('cargo', ['test', '--quiet'], {
  cwd: ROOT,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
})
process.stdout.write(rust.stdout)
const counts = [...rust.stdout.matchAll(/^test result: .* (\d+) passed; (\d+) failed; (\d+) ignored/gm)]
for (const [, passed, failed, ignored] of counts) add(Number(passed), Number(failed), Number(ignored))
// A failed build, or an abort in the middle, leaves no count behind.
if (rust.status !== 0 && !counts.some(([, , failed]) => failed !== '0')) add(0, 1)

say('JavaScript tests ...')
const reports = mkdtempSync(join(tmpdir(), 'flowkit-report-'))
const report = join(reports, 'vitest.json')
const arguments_ = ['--no-install', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile=${report}`]
const javascript = attempt('npx', arguments_)
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'))
  add(numPassedTests, numFailedTests, numPendingTests + numTodoTests)
  // An error outside of any test.
  if (javascript.status !== 0 && numFailedTests === 0) add(0, 1)
} catch {
  add(0, 1)
}
rmSync(reports, { recursive: true })

console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed === 0 ? 0 : 1)
