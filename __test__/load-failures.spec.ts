// A binary that does not load is told with a sentence for its cause, since each cause has another cure.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { makeProject, openWorkshop, type Workshop } from './support/packed.js'
import { ENVIRONMENT, HAS_ALL_NODES, MAJORS, MUSL, nodeOf } from './support/tools.js'
import { LONG } from './support/waiting.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LINUX = process.platform === 'linux'
const IS_ROOT = process.getuid?.() === 0
const NAME = '@andresaya/flowkit-storage'
const { version } = JSON.parse(fs.readFileSync(join(ROOT, 'package.json'), 'utf8'))

/** Prints what loading the package ends with. */
const PROGRAM = `
  let result
  try {
    result = { exports: Object.keys(require('${NAME}')).length }
  } catch ({ message, cause }) {
    result = { message, code: cause?.code, cause: cause?.message }
  }
  console.log(JSON.stringify(result))`

let workshop: Workshop
let project = ''
/** The directory of the root package, that of the native one, and the binary in it. */
let root = ''
let native = ''
let binary = ''
let target = ''

beforeAll(async () => {
  workshop = await openWorkshop()
  project = await makeProject(workshop, 'commonjs')
  fs.writeFileSync(join(project, 'load.cjs'), PROGRAM)
  const scope = join(project, 'node_modules', '@andresaya')
  root = join(scope, 'flowkit-storage')
  target =
    fs
      .readdirSync(scope)
      .find((name) => name !== 'flowkit-storage')
      ?.slice('flowkit-storage-'.length) ?? ''
  native = `${root}-${target}`
  binary = join(native, `flowkit-storage.${target}.node`)
  // The user who may not read the binary may read the rest.
  for (const dir of [workshop.dir, project]) fs.chmodSync(dir, 0o755)
})

afterAll(() => {
  if (workshop !== undefined) fs.rmSync(workshop.dir, { recursive: true, force: true })
})

interface Setting {
  /** The command line options of Node.js. */
  flags?: string[]
  env?: Record<string, string>
  node?: string
  uid?: number
}

function load({ flags = [], env = {}, node = process.execPath, uid }: Setting = {}) {
  const options = { cwd: project, env: { ...ENVIRONMENT, ...env }, timeout: LONG, ...(uid && { uid, gid: uid }) }
  const { stdout, stderr, signal } = spawnSync(node, [...flags, 'load.cjs'], { ...options, encoding: 'utf8' })
  if (!stdout.startsWith('{')) throw new Error(`ended by ${signal}: ${stdout}${stderr}`)
  return JSON.parse(stdout) as { exports?: number; message: string; code?: string; cause?: string }
}

/** Takes a file or directory away until the end of the test. */
function hide(path: string): string {
  const kept = `${path}.kept`
  fs.renameSync(path, kept)
  onTestFinished(() => {
    fs.rmSync(path, { recursive: true, force: true })
    fs.renameSync(kept, path)
  })
  return kept
}

/** Returns the sentence that begins every message, and then `rest`. */
const sentence = (rest: string, on = target) =>
  expect.stringMatching(new RegExp(`^Cannot load ${NAME} on ${on}: ${rest}`))

describe('the loader', () => {
  it('loads the binary of the package, whatever the environment says', () => {
    const env = { NAPI_RS_NATIVE_LIBRARY_PATH: join(project, 'other.node'), NAPI_RS_FORCE_WASI: '1' }
    expect(load({ env })).toEqual({ exports: 7 })
  })

  it('prefers a binary that was built beside it', () => {
    const built = join(root, `flowkit-storage.${target}.node`)
    fs.writeFileSync(built, 'no binary')
    onTestFinished(() => fs.rmSync(built))
    expect(load()).toMatchObject({ cause: expect.stringContaining(built) })
    fs.copyFileSync(binary, built)
    hide(native)
    expect(load()).toEqual({ exports: 7 })
  })

  it('loads it in a tool that does not know "imports"', () => {
    const manifest = join(root, 'package.json')
    const { imports, ...rest } = JSON.parse(fs.readFileSync(hide(manifest), 'utf8'))
    expect(imports).toHaveProperty('#natives')
    fs.writeFileSync(manifest, JSON.stringify(rest))
    expect(load()).toEqual({ exports: 7 })
  })
})

describe('a binary that is not there', () => {
  it('is told with the package, what left it out, and how to get it', () => {
    hide(native)
    const { message, ...rest } = load()
    expect(message).toEqual(
      sentence(`its package ${NAME}-${target} is not installed. .*--omit=optional.* npm before 11.3`),
    )
    expect(message).toContain(`"npm install --save-optional ${NAME}-${target}@${version}"`)
    expect(rest).toEqual({ code: 'MODULE_NOT_FOUND', cause: expect.stringContaining(`'${NAME}-${target}'`) })
  })

  it('is told with the system that node_modules came from', () => {
    hide(native)
    const other = `${root}-${target === 'darwin-arm64' ? 'linux-x64-gnu' : 'darwin-arm64'}`
    fs.mkdirSync(other)
    onTestFinished(() => fs.rmSync(other, { recursive: true }))
    fs.writeFileSync(join(other, 'package.json'), '{ "main": "other.node" }')
    fs.writeFileSync(join(other, 'other.node'), '')
    expect(load()).toMatchObject({
      message: sentence(
        `its package ${NAME}-${target} is not installed, but that of ${other.slice(root.length + 1)} is[.] .*--os=${process.platform}`,
      ),
      code: 'MODULE_NOT_FOUND',
    })
  })

  it('is told to be missing in its package', () => {
    hide(binary)
    expect(load()).toMatchObject({
      message: sentence(`its package ${NAME}-${target} is installed, but the binary in it is missing: `),
      code: 'MODULE_NOT_FOUND',
    })
  })

  /** No kernel is several systems: what the process says of itself is replaced. */
  const pretend = (code: string): Setting => {
    const path = join(project, 'pretend.cjs')
    fs.writeFileSync(path, code)
    return { flags: ['--require', path] }
  }
  const as = (platform: string, arch: string) =>
    pretend(`Object.defineProperties(process, { platform: { value: '${platform}' }, arch: { value: '${arch}' } })`)

  it.each([
    ['freebsd', 'x64', 'freebsd-x64'],
    ['android', 'arm64', 'android-arm64'],
    ['win32', 'ia32', 'win32-ia32-msvc'],
    ['linux', 'arm', 'linux-arm-\\w+eabihf'],
  ])('is told to be prebuilt for others on %s %s', (platform, arch, name) => {
    const { message, cause } = load(as(platform, arch))
    expect(message).toEqual(
      sentence('there is no prebuilt binary for it, only for darwin-arm64, .*win32-x64-msvc', name),
    )
    expect(message).toMatch(/section "On another system" of CONTRIBUTING\.md/)
    expect(fs.readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')).toContain('## On another system\n')
    expect(cause).toBeUndefined()
  })

  describe.runIf(LINUX && !MUSL)('is the one for musl', () => {
    const NO_PROGRAM = `Object.defineProperty(process, 'execPath', { value: '/nowhere' });`
    const name = () => target.replace('gnu', 'musl')
    const missing = () => sentence(`its package ${NAME}-${name()} is not installed, but`, name())

    it('if the program of the process asks for it, without a report', () => {
      const program = join(project, 'program')
      fs.writeFileSync(program, `\x7fELF${'.'.repeat(600)}/lib/ld-musl-x86_64.so.1\0`)
      expect(load(pretend(NO_PROGRAM.replace('/nowhere', program))).message).toEqual(missing())
      // A report can take minutes.
      expect(load(pretend(`process.report.getReport = () => { throw new Error('reports') }`))).toEqual({ exports: 7 })
    })

    it('if the program cannot be read, and Node.js reports no glibc', () => {
      const code = `const { header } = process.report.getReport()
        delete header.glibcVersionRuntime
        process.report.getReport = () => ({ header })`
      expect(load(pretend(NO_PROGRAM + code)).message).toEqual(missing())
      for (const value of [false, true]) {
        // Its settings stay as they were.
        const settings = `process.report.excludeNetwork = ${value}
          process.once('exit', () => { if (process.report.excludeNetwork !== ${value}) throw new Error('changed') })`
        expect(load(pretend(NO_PROGRAM + settings))).toEqual({ exports: 7 })
      }
    })
  })
})

describe('a binary that is there, but', () => {
  const refused = (words: string, advice: string) => ({
    message: sentence(`its binary is installed, but cannot be loaded \\(.*${words}.*\\)\\. ${advice}`),
    code: 'ERR_DLOPEN_FAILED',
    cause: expect.stringContaining(words),
  })

  it.each([
    ['empty', ''],
    ['a page of a proxy', `<html>${' '.repeat(5000)}</html>`],
  ])('is damaged: %s', (_name, content) => {
    hide(binary)
    fs.writeFileSync(binary, content)
    expect(load()).toMatchObject(refused('', 'It is damaged, or was made for another system: remove node_modules'))
  })

  it.runIf(LINUX)('is for another processor', () => {
    const bytes = fs.readFileSync(hide(binary))
    // ELF's field for the machine: S/390, which no target is.
    bytes.writeUInt16LE(22, 18)
    fs.writeFileSync(binary, bytes)
    expect(load()).toMatchObject(refused('', 'It is damaged, or was made for another system: '))
  })

  it.runIf(LINUX && !MUSL)('needs a newer glibc', () => {
    const bytes = fs.readFileSync(hide(binary))
    // The names of versions that it needs are at one place of the file.
    const place = bytes.indexOf('GLIBC_2.')
    bytes.write('GLIBC_9.', place, 'latin1')
    fs.writeFileSync(binary, bytes)
    expect(load()).toMatchObject(refused('GLIBC_9.', 'It was built for a newer system: .* glibc 2.17'))
  })

  it.runIf(LINUX && !MUSL)('needs another C library', () => {
    const bytes = fs.readFileSync(hide(binary))
    const place = bytes.indexOf('libc.so.6\0')
    // What a binary for musl asks for.
    bytes.write('libc.so\0\0', place, 'latin1')
    fs.writeFileSync(binary, bytes)
    expect(load()).toMatchObject(refused('libc.so', 'It was built for another C library: '))
  })

  it.runIf(LINUX && IS_ROOT)('is on a volume that is mounted with noexec', ({ skip }) => {
    const kept = hide(native)
    fs.mkdirSync(native)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'noexec', 'tmpfs', native])
    if (mounted.status !== 0) skip('a tmpfs cannot be mounted here')
    onTestFinished(() => void spawnSync('umount', [native]))
    for (const file of fs.readdirSync(kept)) fs.copyFileSync(join(kept, file), join(native, file))
    expect(load()).toMatchObject(refused('failed to map segment', 'Its directory must not be mounted with noexec'))
  })

  it.skipIf(process.platform === 'win32')('may not be read', () => {
    fs.chmodSync(binary, 0)
    onTestFinished(() => fs.chmodSync(binary, 0o644))
    const nobody = IS_ROOT ? { uid: 65_534 } : {}
    expect(load(nobody)).toMatchObject(refused('Permission denied', 'Let the user of this process read it'))
  })

  it('has another version', () => {
    const manifest = join(root, 'package.json')
    const text = fs.readFileSync(hide(manifest), 'utf8')
    fs.writeFileSync(manifest, text.replace(`"version": "${version}"`, '"version": "9.9.9"'))
    const { message, cause } = load()
    expect(message).toEqual(
      sentence(`its binary has version ${version}, but its JavaScript has 9.9.9. Remove node_modules`),
    )
    expect(cause).toBeUndefined()
  })
})

describe('a process that may not load addons', () => {
  const disabled = () => ({
    message: sentence('this process may not load addons. It runs with --no-addons, or with --permission'),
    code: 'ERR_DLOPEN_DISABLED',
  })

  it('is told so with --no-addons, also in a worker', () => {
    expect(load({ flags: ['--no-addons'] })).toMatchObject(disabled())
    const worker = join(project, 'worker.cjs')
    fs.writeFileSync(worker, `new (require('node:worker_threads').Worker)('./load.cjs', { execArgv: ['--no-addons'] })`)
    const { stdout } = spawnSync(process.execPath, [worker], { cwd: project, encoding: 'utf8', timeout: LONG })
    expect(JSON.parse(stdout)).toMatchObject(disabled())
  })

  for (const major of HAS_ALL_NODES ? MAJORS : []) {
    it(`is told so with the permission model of Node.js ${major}`, () => {
      const node = nodeOf(major, join(workshop.dir, 'node_modules'))
      const model = major === 20 ? '--experimental-permission' : '--permission'
      const may = (...flags: string[]) => load({ node, flags: ['--no-warnings', model, ...flags] })
      expect(may('--allow-fs-read=*')).toMatchObject(disabled())
      expect(may('--allow-fs-read=*', '--allow-addons')).toEqual({ exports: 7 })
      // The first version of the model does not watch what modules are read.
      if (major === 20) return
      const apart = [join(project, 'load.cjs'), `${root}/`].map((path) => `--allow-fs-read=${path}`)
      expect(may(...apart, '--allow-addons')).toMatchObject({
        message: sentence('this process may not read its binary \\(Access .*\\)\\. Beside --permission it needs '),
        code: 'ERR_ACCESS_DENIED',
      })
    })
  }
})
