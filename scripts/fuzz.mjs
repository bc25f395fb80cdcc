// `npm run fuzz`: libFuzzer over the Rust targets in `fuzz/`, with the stable toolchain and no further tool.
//
//   npm run fuzz                            60 s over all targets
//   npm run fuzz -- --seconds 1800          half an hour for each target
//   npm run fuzz -- --target state_text     one target
//   npm run fuzz -- --sanitizer             with AddressSanitizer, which needs a nightly toolchain
//   npm run fuzz -- --javascript            the properties of `__test__/fuzz*.spec.ts` instead; takes --seconds, too
//
// New inputs are collected in `target/fuzz-corpus/`; the committed ones in `fuzz/corpus/` are only read.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { ROOT, run, runTool, say } from './setup.mjs'

const TARGETS = ['id_names', 'state_text', 'redis_answers', 'short_form']
const TRIPLE = 'x86_64-unknown-linux-gnu'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    target: { type: 'string' },
    sanitizer: { type: 'boolean', default: false },
    javascript: { type: 'boolean', default: false },
  },
})
if (values.javascript) {
  const env = { ...process.env, FLOWKIT_FUZZ_SECONDS: values.seconds ?? '60' }
  runTool('vitest', ['run', '__test__/fuzz'], { env })
  process.exit()
}

const targets = values.target === undefined ? TARGETS : [values.target]
const seconds = values.seconds === undefined ? Math.floor(60 / targets.length) : Number(values.seconds)

// What `cargo fuzz` sets. The passes are in the stable compiler; only the sanitizer is not.
const flags = [
  '--cfg fuzzing',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Ccodegen-units=1',
]
if (values.sanitizer) flags.push('-Zsanitizer=address')
const toolchain = values.sanitizer ? ['+nightly'] : []
const directory = join(ROOT, 'target', values.sanitizer ? 'fuzz-address' : 'fuzz')
say('Building the fuzz targets ...')
// The triple keeps the flags away from build scripts.
const where = ['--manifest-path', 'fuzz/Cargo.toml', '--target-dir', directory, '--target', TRIPLE]
// Not the replay: it brings no libFuzzer, which the instrumented code calls.
const bins = TARGETS.flatMap((target) => ['--bin', target])
run('cargo', [...toolchain, 'build', '--quiet', '--release', ...bins, ...where], {
  env: { ...process.env, RUSTFLAGS: flags.join(' ') },
})
for (const target of targets) {
  say(`Fuzzing ${target} for ${seconds} s ...`)
  const found = join(ROOT, 'target', 'fuzz-corpus', target)
  const artifacts = join(ROOT, 'target', 'fuzz-artifacts', target)
  mkdirSync(found, { recursive: true })
  mkdirSync(artifacts, { recursive: true })
  run(join(directory, TRIPLE, 'release', target), [
    found,
    join(ROOT, 'fuzz', 'corpus', target),
    `-max_total_time=${seconds}`,
    `-artifact_prefix=${artifacts}/`,
    // Slower than any input is; a hang is a finding.
    '-timeout=20',
    // Well above what any input needs, and far below what a length that a server made up would ask for.
    '-rss_limit_mb=1024',
    '-malloc_limit_mb=256',
    '-max_len=4096',
    '-print_final_stats=1',
    '-verbosity=1',
    '-close_fd_mask=1',
  ])
}
