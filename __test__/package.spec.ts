import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import * as esm from '../index.js'
import { temporaryDirectory } from './support/subjects.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const NAMES = ['FileStorage', 'MemoryStorage', 'RedisStorage', 'SQLiteStorage', 'StorageError']

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

  it('has the one-liners of the README work as printed', async () => {
    const lines = readFileSync(join(ROOT, 'README.md'), 'utf8').match(/^node (--input-type=module )?-e .*$/gm) ?? []
    expect(lines.length).toBeGreaterThanOrEqual(2)
    expect(lines.some((line) => line.includes('--input-type=module'))).toBe(true)
    for (const line of lines) {
      const cwd = await makeProject()
      const output = execFileSync('sh', ['-c', line], { cwd, encoding: 'utf8', timeout: 30_000 })
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
    const { stderr } = spawnSync(process.execPath, ['-e', script], { cwd, encoding: 'utf8', timeout: 30_000 })
    expect(stderr).toBe('')
    expect(readdirSync(join(cwd, 'states')).filter((name) => name.endsWith('.json'))).toHaveLength(12)
  })

  it('declares what it exports, and nothing else', () => {
    const types = readFileSync(join(ROOT, 'index.d.ts'), 'utf8')
    const classes = [...types.matchAll(/^export declare class (\w+)/gm)].map(([, name]) => name)
    expect(classes.sort()).toEqual(NAMES)
  })

  it('says the same codes in Rust, JavaScript and TypeScript', () => {
    const codes = (path: string) => new Set(readFileSync(join(ROOT, path), 'utf8').match(/ERR_STORAGE_[A-Z_]+\b/g))
    const inTypes = codes('index.d.ts')
    expect([...codes('lib/errors.js')].sort()).toEqual([...inTypes].sort())
    for (const code of codes('crates/store/src/error.rs')) expect(inTypes).toContain(code)
  })
})
