// Compiles the addon for a target, with zig as the C compiler and linker.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from '../setup.mjs'
import { CACHE, cached, need } from './cache.mjs'
import { rustSources } from './debian.mjs'
import { zig } from './python.mjs'

const GLIBC = '2.17'

/** Less optimisation than a release has: what is looked for are faults of a platform, and builds take a third of the time. */
const PROFILE = {
  CARGO_PROFILE_RELEASE_OPT_LEVEL: '1',
  CARGO_PROFILE_RELEASE_LTO: 'off',
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
}

/** Runs a command of cargo for a target. Throws with the end of what the compiler said if it fails. */
export function cargo(command, { triple, zig: zigTriple = triple }, args = []) {
  const { compiler, cargo: program } = zig()
  const { flags, env } = standardLibrary(triple)
  const { status, stderr } = spawnSync(program, [command, ...flags, '--target', zigTriple, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1e8,
    env: {
      ...process.env,
      ...PROFILE,
      ...env,
      ...(triple.includes('windows') && { LIBNODE_PATH: emptyNode() }),
      // An addon shares the C library with Node.js.
      ...(triple.includes('musl') && { RUSTFLAGS: '-Ctarget-feature=-crt-static' }),
      CARGO_ZIGBUILD_ZIG_PATH: compiler,
      CARGO_ZIGBUILD_CACHE_DIR: join(CACHE, 'zigbuild'),
      ZIG_GLOBAL_CACHE_DIR: join(CACHE, 'zig-cache'),
      CARGO_TARGET_DIR: targetFolder(flags),
    },
  })
  if (status !== 0) throw new Error(`cargo ${command} for ${triple} failed:\n${stderr.slice(-4000)}`)
  return stderr
}

/** Returns where cargo keeps its results. `RUSTC_BOOTSTRAP` is part of them: in one folder, each change would compile everything anew. */
const targetFolder = (flags) => join(CACHE, flags.length > 0 ? 'target-std' : 'target')

/** Returns what cargo has to be told for the standard library: nothing if the target is installed, else its sources. */
function standardLibrary(triple) {
  const sysroot = need('Rust is not installed', 'rustc', ['--print', 'sysroot']).trim()
  if (existsSync(join(sysroot, 'lib/rustlib', triple, 'lib'))) return { flags: [], env: {} }
  const version = /^release: (.*)$/m.exec(need('Rust is not installed', 'rustc', ['-vV']))?.[1]
  const installed = join(sysroot, 'lib/rustlib/src/rust/library')
  const sources = existsSync(installed) ? installed : rustSources(version)
  // The variable for the sources is one of cargo's own tests. With it, the installed toolchain stays as it is.
  return {
    flags: ['-Zbuild-std=std,panic_unwind'],
    env: { RUSTC_BOOTSTRAP: '1', __CARGO_TESTS_ONLY_SRC_ROOT: sources },
  }
}

/** Returns a folder with an empty libnode, which napi-build asks for on Windows. The addon finds Node.js when it is loaded. */
function emptyNode() {
  return cached('libnode', (folder) => {
    writeFileSync(join(folder, 'libnode.dll'), '')
    writeFileSync(join(folder, 'libnode.a'), '!<arch>\n')
  })
}

/** Builds the addon. Returns its path, the highest glibc that it asks for, and what the compiler warns of in our code. */
export function build(target) {
  // Cargo repeats the warnings of what it does not compile again.
  const said = cargo('zigbuild', target, ['--release', '--package', 'flowkit-storage'])
  const warnings = (said.match(/^warning[\s\S]*?(?=\n\n)/gm) ?? []).filter((part) => /--> (crates|src)\//.test(part))
  const folder = join(targetFolder(standardLibrary(target.triple).flags), target.triple, 'release')
  const addon = readdirSync(folder).find((name) => /^(lib)?flowkit_storage\.(so|dll|dylib)$/.test(name))
  if (addon === undefined) throw new Error(`${target.triple}: cargo made no addon`)
  const path = join(folder, addon)
  return { path, warnings, glibc: target.native.endsWith('-gnu') ? checkGlibc(path) : undefined }
}

/** Compiles and lints everything, tests too, without linking. */
export function lint(target) {
  cargo('clippy', target, ['--workspace', '--all-targets', '--', '-D', 'warnings'])
}

/** Returns the highest version among the symbols of glibc that a library asks for. Throws if it is above the promised one. */
function checkGlibc(path) {
  const found = readFileSync(path, 'latin1').match(/GLIBC_[\d.]+(?=\0)/g) ?? []
  const versions = found.map((symbol) => symbol.slice('GLIBC_'.length))
  const highest = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
  if (highest === undefined) throw new Error(`${path} asks for no glibc`)
  if (highest.localeCompare(GLIBC, 'en', { numeric: true }) > 0) {
    throw new Error(`${path} asks for glibc ${highest}, which is newer than ${GLIBC}`)
  }
  return highest
}
