// The platforms of the documentation are those that are shipped, and `npm run cross` says why it skips one.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { temporaryDirectory } from './support/subjects.js'
import { LONG } from './support/waiting.js'

const require = createRequire(import.meta.url)
const { describePlatform, explainLoadFailure } = require('../lib/load-failure.js') as {
  describePlatform(target: string): string
  explainLoadFailure(target: string, version: string, cause?: Error): Error
}
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const NATIVES = readdirSync(join(ROOT, 'npm')).sort()

describe('platforms', () => {
  it('that have a package are those of docs/platforms.md', () => {
    const page = readFileSync(join(ROOT, 'docs/platforms.md'), 'utf8')
    const [table = ''] = page.split('\n\n').filter((part) => part.startsWith('| package'))
    expect([...table.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name).sort()).toEqual(NATIVES)
  })

  it('are named to npm as their packages name them', () => {
    for (const native of NATIVES) {
      const { os, cpu, libc } = JSON.parse(readFileSync(join(ROOT, 'npm', native, 'package.json'), 'utf8'))
      expect(describePlatform(native)).toBe(`--os=${os} --cpu=${cpu}${libc ? ` --libc=${libc}` : ''}`)
    }
  })

  it('that a single executable application runs on tell what its script begins with', () => {
    // What its `require` throws. To make one takes a package that writes into the program of Node.js.
    const code = 'ERR_UNKNOWN_BUILTIN_MODULE'
    const cause = Object.assign(new Error('No such built-in module: ./flowkit-storage.linux-x64-gnu.node'), { code })
    const error = explainLoadFailure('linux-x64-gnu', '1.2.3', cause)
    expect(error.message).toMatch(
      / of a single executable application .* require = require\(.*\)\.createRequire\(__filename\)$/,
    )
    expect(error.cause).toBe(cause)
  })

  // It needs Linux x64 to try anything.
  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'that cannot be tested on a machine are skipped with the reason',
    async () => {
      const dir = await temporaryDirectory()
      const path = join(dir, 'bin')
      mkdirSync(path)
      symlinkSync(process.execPath, join(path, 'node'))
      const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'scripts/cross.mjs')], {
        env: { PATH: path, FLOWKIT_CROSS_CACHE: join(dir, 'cache') },
        encoding: 'utf8',
        timeout: LONG,
      })
      const skipped = [...stdout.matchAll(/│ ([\w-]+) +│ 'skipped: pip cannot fetch zig/g)].map(([, name]) => name)
      expect(skipped.length, stdout).toBeGreaterThan(4)
      for (const name of skipped) expect(NATIVES).toContain(name)
      expect(status).toBe(0)
    },
  )
})
