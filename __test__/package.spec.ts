import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import * as esm from '../index.js'
import { temporaryDirectory } from './support/subjects.js'
import { LONG } from './support/waiting.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const NAMES = [
  'CustomStorage',
  'FileStorage',
  'MemoryStorage',
  'RedisStorage',
  'SQLiteStorage',
  'StorageError',
  'sequentialize',
]

/** A project that has this package among its modules. */
async function makeProject(): Promise<string> {
  const dir = await temporaryDirectory()
  await mkdir(join(dir, 'node_modules', '@andresaya'), { recursive: true })
  await symlink(ROOT, join(dir, 'node_modules', '@andresaya', 'flowkit-storage'))
  return dir
}

describe('the package', () => {
  it('has the same named exports for import and require', async () => {
    expect(
      Object.keys(esm)
        .filter((name) => name !== 'default' && name !== 'module.exports')
        .sort(),
    ).toEqual(NAMES)
    expect(Object.keys(createRequire(import.meta.url)('../index.js')).sort()).toEqual(NAMES)
  })

  it('has the one-liners of docs/migrating.md work as printed', async () => {
    const lines =
      readFileSync(join(ROOT, 'docs/migrating.md'), 'utf8').match(/^node (--input-type=module )?-e .*$/gm) ?? []
    expect(lines.length).toBeGreaterThanOrEqual(2)
    expect(lines.some((line) => line.includes('--input-type=module'))).toBe(true)
    for (const line of lines) {
      const cwd = await makeProject()
      const output = execFileSync('sh', ['-c', line], { cwd, encoding: 'utf8', timeout: LONG })
      expect(output, line).toContain("conversationId: 'user-1'")
    }
  })

  it('loses nothing and warns of nothing where it was loaded twelve times', async () => {
    const cwd = await makeProject()
    const script = `
      for (let copy = 0; copy < 12; copy++) {
        for (const file of Object.keys(require.cache)) if (file.endsWith('.js')) delete require.cache[file]
        const { FileStorage } = require('@andresaya/flowkit-storage')
        new FileStorage({ dir: 'states' }).save({ conversationId: 'copy-' + copy })
      }
      // Warnings are printed in the next tick.
      process.nextTick(() => process.exit())`
    const { stderr } = spawnSync(process.execPath, ['-e', script], { cwd, encoding: 'utf8', timeout: LONG })
    expect(stderr).toBe('')
    expect(readdirSync(join(cwd, 'states')).filter((name) => name.endsWith('.json'))).toHaveLength(12)
  })

  it('works where timers were replaced before it was loaded, also those of node:timers', async () => {
    const cwd = await makeProject()
    const script = `
      const { mock } = require('node:test')
      mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] })
      for (const name of ['setTimeout', 'clearTimeout', 'setImmediate', 'performance']) delete globalThis[name]
      const { FileStorage } = require('@andresaya/flowkit-storage')
      const storage = new FileStorage({ dir: 'states' })
      const saves = Array.from({ length: 100 }, (_, n) => storage.save({ conversationId: 'c-' + n }))
      Promise.all(saves).then(() => storage.load('c-1')).then((state) => console.log(state.conversationId))`
    const { stdout } = spawnSync(process.execPath, ['-e', script], { cwd, encoding: 'utf8', timeout: LONG })
    expect(stdout).toBe('c-1\n')
  })

  it('works where the functions of the clock and the scheduler are their own, as in Bun', async () => {
    const script = `
      const { scheduler } = require('node:timers/promises')
      const own = [[performance, ['now']], [scheduler, ['wait', 'yield']]]
      for (const [object, names] of own) {
        const prototype = Object.getPrototypeOf(object)
        for (const name of names) {
          Object.defineProperty(object, name, { value: prototype[name].bind(object) })
          delete prototype[name]
        }
      }
      const { FileStorage } = require('@andresaya/flowkit-storage')
      const storage = new FileStorage({ dir: 'states' })
      const turn = () => storage.withLock('c', () => storage.save({ conversationId: 'c' }))
      Promise.all([turn(), turn()]).then(() => storage.load('c')).then((state) => console.log(state.conversationId))`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
      cwd: await makeProject(),
      encoding: 'utf8',
    })
    expect(stdout, stderr).toBe('c\n')
  })

  it('says which Node.js it needs where that is too old', async () => {
    const script = `
      delete String.prototype.isWellFormed
      Object.defineProperty(process, 'version', { value: 'v18.20.8' })
      require('@andresaya/flowkit-storage')`
    const { stderr } = spawnSync(process.execPath, ['-e', script], { cwd: await makeProject(), encoding: 'utf8' })
    expect(stderr).toMatch(
      /Error: Cannot load @andresaya\/flowkit-storage on .*: it needs Node\.js 20 or newer, and this is v18/,
    )
  })

  it('declares what it exports, and nothing else', () => {
    const types = ['index.d.ts', 'lib/error-types.d.ts'].map((path) => readFileSync(join(ROOT, path), 'utf8')).join('')
    const exported = [...types.matchAll(/^export declare (?:class|function) (\w+)/gm)].map(([, name]) => name)
    expect(exported.sort()).toEqual(NAMES)
  })

  it('says the same codes in Rust, JavaScript and TypeScript', () => {
    const codes = (path: string) => new Set(readFileSync(join(ROOT, path), 'utf8').match(/ERR_STORAGE_[A-Z_]+\b/g))
    const inTypes = codes('lib/error-types.d.ts')
    expect([...codes('lib/errors.js')].sort()).toEqual([...inTypes].sort())
    for (const code of codes('crates/store/src/error.rs')) expect(inTypes).toContain(code)
  })

  it('names the targets that are built and published, each as a literal', () => {
    const names = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name).sort()
    const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
    const folders = readdirSync(join(ROOT, 'npm')).sort()
    expect(folders).toHaveLength(8)
    expect(names(read('lib/natives.js'), /require\('@andresaya\/flowkit-storage-([\w-]+)'\)/g)).toEqual(folders)
    expect(names(read('lib/load-failure.js'), /^ {2}'([\w-]+)',$/gm)).toEqual(folders)
    const { napi, version } = JSON.parse(read('package.json'))
    expect(napi.targets).toHaveLength(8)
    for (const name of folders) {
      const manifest = JSON.parse(read(`npm/${name}/package.json`))
      const [platform, arch, abi] = name.split('-')
      const libc = { gnu: ['glibc'], musl: ['musl'] }[abi ?? '']
      const file = `flowkit-storage.${name}.node`
      expect(manifest).toMatchObject({
        name: `@andresaya/flowkit-storage-${name}`,
        version,
        main: file,
        type: 'commonjs',
      })
      expect([manifest.os, manifest.cpu, manifest.libc]).toEqual([[platform], [arch], libc])
    }
  })
})
