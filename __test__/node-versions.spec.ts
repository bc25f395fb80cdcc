import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { ENVIRONMENT, HAS_ALL_NODES, installTools, nodeOf } from './support/tools.js'

const script = fileURLToPath(new URL('children/contract.mjs', import.meta.url))

// better-sqlite3 13 and `node:sqlite` need a newer Node.js than this one may be. Their own test runner runs the suite.
describe.runIf(HAS_ALL_NODES)('the contract on a newer Node.js', () => {
  for (const major of [22, 24]) {
    for (const [kind, module] of [
      ['better-sqlite3', 'better-sqlite3-13'],
      ['node:sqlite', undefined],
    ] as const) {
      it(`${kind} on Node.js ${major}`, async () => {
        const modules = await installTools()
        const argument = {
          kind,
          module: module && join(modules, module),
          options: { mode: 'inline' },
          runs: 30,
          rounds: 2000,
        }
        const { stdout, stderr } = spawnSync(nodeOf(major, modules), [script, JSON.stringify(argument)], {
          encoding: 'utf8',
          env: ENVIRONMENT,
        })
        const count = (what: string) => Number(new RegExp(`^[#\u2139] ${what} (\\d+)$`, 'm').exec(stdout)?.[1])
        expect(count('fail'), stdout + stderr).toBe(0)
        expect(count('pass')).toBeGreaterThanOrEqual(17)
      })
    }
  }
})
