// `npm run memory`: looks for invalid reads and writes and for leaks in the native code.
//
//   1. the Rust tests under AddressSanitizer and its leak detector (needs a nightly toolchain);
//   2. the fuzz corpus under Miri (needs its component `miri`);
//   3. some operations of each adapter in Node.js under valgrind (needs valgrind): an error counts where a frame of the
//      addon is in its stack, since V8 itself is full of what valgrind takes for errors.
//
// By hand, and not in CI: each takes minutes and a tool that a bare machine has not.
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { attempt, ROOT, say } from './setup.mjs'

const TRIPLE = 'x86_64-unknown-linux-gnu'
const failures = []

say('Rust tests under AddressSanitizer ...')
const address = { ...process.env, RUSTFLAGS: '-Zsanitizer=address', ASAN_OPTIONS: 'detect_leaks=1' }
const tests = [
  '+nightly',
  'test',
  '--quiet',
  '--workspace',
  '--lib',
  '--target',
  TRIPLE,
  '--target-dir',
  'target/address',
]
if (attempt('cargo', tests, { env: address }).status !== 0) failures.push('AddressSanitizer')

say('The fuzz corpus under Miri ...')
const miri = { ...process.env, RUSTFLAGS: '--cfg fuzzing', MIRIFLAGS: '-Zmiri-disable-isolation' }
const replay = [
  '--manifest-path',
  'fuzz/Cargo.toml',
  '--no-default-features',
  '--bin',
  'replay',
  '--target-dir',
  'target/miri',
]
if (attempt('cargo', ['+nightly', 'miri', 'run', ...replay], { env: miri }).status !== 0) failures.push('Miri')

say('Node.js under valgrind ...')
const log = join(mkdtempSync(join(tmpdir(), 'flowkit-valgrind-')), 'log')
const valgrind = ['--smc-check=all-non-file', '--leak-check=full', '--show-leak-kinds=definite', `--log-file=${log}`]
const script = join(ROOT, '__test__/children/smoke.mjs')
const { status } = attempt('valgrind', [...valgrind, process.execPath, '--jitless', script])
if (status !== 0) failures.push(`valgrind (node ended with ${status})`)
// One block for each error, parted by a line that holds nothing but the process id.
const blocks = readFileSync(log, 'utf8').split(/^==\d+== *\n/m)
const ours = blocks
  .filter((block) => /flowkit-storage[^ ]*\.node/.test(block))
  // napi-rs keeps one reference to each class for as long as the addon is loaded: 160 bytes, once for each thread.
  .filter((block) => !/definitely lost[\s\S]*napi_create_reference[\s\S]*napi_register_module_v1/.test(block))
if (ours.length > 0) {
  console.error(ours.join('\n'))
  failures.push('valgrind')
}
console.log(failures.length === 0 ? 'nothing found' : `found by: ${failures.join(', ')}`)
process.exit(failures.length === 0 ? 0 : 1)
