import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { temporaryDirectory } from './support/subjects.js'
import { ENVIRONMENT, HAS_ALL_NODES, installTools, nodeOf } from './support/tools.js'

function runScript(node: string, script: string, argument: object) {
  const path = fileURLToPath(new URL(`children/${script}`, import.meta.url))
  const env = { ...ENVIRONMENT, NODE_NO_WARNINGS: '1' }
  return spawnSync(node, [path, JSON.stringify(argument)], { encoding: 'utf8', env, timeout: 100_000 })
}

// better-sqlite3 13 and `node:sqlite` need a newer Node.js than this one may be, whose test runner then runs the suite.
describe.runIf(HAS_ALL_NODES)('on a newer Node.js', () => {
  for (const major of [22, 24]) {
    for (const kind of ['better-sqlite3', 'node:sqlite']) {
      for (const mode of ['inline', 'native']) {
        it(`${major}: the contract, ${kind}, ${mode}`, async () => {
          const modules = await installTools()
          const dir = mode === 'native' ? await temporaryDirectory() : undefined
          const module = join(modules, 'better-sqlite3-13')
          const argument = { kind, module, dir, mode, runs: 30, rounds: 2000 }
          const { stdout, stderr } = runScript(nodeOf(major, modules), 'contract.mjs', argument)
          const count = (what: string) => Number(new RegExp(`^[#\u2139] ${what} (\\d+)$`, 'm').exec(stdout)?.[1])
          expect(count('fail'), stdout + stderr).toBe(0)
          expect(count('pass')).toBeGreaterThanOrEqual(17)
        })
      }
    }

    for (const allowExtension of [true, false]) {
      it(`${major}: node:sqlite is ${allowExtension ? 'native' : 'inline'}, as extensions are allowed or not`, async () => {
        const path = join(await temporaryDirectory(), 'states.db')
        const node = nodeOf(major, await installTools())
        const { stdout, stderr } = runScript(node, 'node-sqlite.mjs', { path, options: { allowExtension } })
        expect(stderr).toBe('')
        const report = JSON.parse(stdout)
        expect(report).toMatchObject({ mode: allowExtension ? 'native' : 'inline', undone: null, files: ['states.db'] })
        // Inline, an un-awaited save waits for the end of the tick.
        if (allowExtension) expect(report).toMatchObject({ seen: 99, late: 'done' })
        else expect(report).toMatchObject({ late: 'ERR_STORAGE_CLOSED' })
      })
    }
  }
})
