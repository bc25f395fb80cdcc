import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** These take minutes, and the order is by the size of a file: begun last, they would keep one worker idle for as long. */
const LONGEST = ['conformance', 'variants', 'node-versions', 'sqlite-host', 'redis-cluster']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.spec.ts`))
      return found === -1 ? LONGEST.length : found
    }
    return (await super.sort(files)).sort((one, other) => place(one) - place(other))
  }
}

export default defineConfig({
  // Tests and examples import the package by its name, as users do.
  resolve: {
    alias: [
      { find: /^@andresaya\/flowkit-storage$/, replacement: fileURLToPath(new URL('index.js', import.meta.url)) },
    ],
  },
  test: {
    include: ['__test__/**/*.spec.ts'],
    globalSetup: ['__test__/support/tools-global.ts', '__test__/support/redis-global.ts'],
    // Real servers, real disks, real child processes, on machines with two cores.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // A native addon: one process for each file, as a user's program would be.
    pool: 'forks',
    // By default one less than there are cores. Most of the time is spent waiting for servers, disks and ends of processes.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    globals: true,
  },
})
