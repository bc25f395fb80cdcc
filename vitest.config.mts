import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** These take longest, and the order is by the size of a file: begun last, they would keep one worker busy alone. */
const LONGEST = [
  'sqlite-conformance',
  'file-conformance',
  'redis-conformance',
  'redis-variants',
  'node-versions',
  'redis-cluster',
  'sqlite-host',
  'file-variants',
  'parity',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.spec.ts`))
      return found === -1 ? LONGEST.length : found
    }
    return (await super.sort(files)).sort((one, other) => place(one) - place(other))
  }
}

const specs = (...names: string[]) => names.map((name) => `__test__/${name}.spec.ts`)

// A project is a set-up that its specs share. It runs only if one of them does.

/** Specs that need redis-server, openssl or PostgreSQL. */
const SERVERS = specs(
  'benchmark',
  'clients',
  'crowd',
  'documented',
  'engine',
  'examples',
  'fuzz',
  'leak',
  'parity',
  'postgres',
  'redis*',
  'soak',
)

/** Specs that need strace. */
const TRACES = specs('power-loss', 'security')

/** Specs of the package in other programs: versions of Node.js, compilers and test runners, 500 MB of packages. */
const CONSUMERS = specs('node-versions', 'switching', 'testing-entry')

/** Specs that show once more what `core` shows, with other options. */
const VARIANTS = specs('file-variants')

const PROGRAMS = '__test__/support/programs-global.mjs'
const REDIS = '__test__/support/redis-global.ts'
const TOOLS = '__test__/support/tools-global.ts'

export default defineConfig({
  // Tests and examples import the package by its name, as users do.
  resolve: {
    alias: [
      { find: /^@andresaya\/flowkit-storage$/, replacement: fileURLToPath(new URL('index.js', import.meta.url)) },
    ],
  },
  test: {
    // Real servers, real disks, real child processes, on machines with two cores.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // A native addon: one process for each file, as a user's program would be.
    pool: 'forks',
    // By default one less than there are cores. Much of the time is spent waiting for servers, disks and ends of processes.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    globals: true,
    projects: [
      {
        extends: true,
        test: { name: 'core', include: specs('*'), exclude: [...SERVERS, ...TRACES, ...CONSUMERS, ...VARIANTS] },
      },
      { extends: true, test: { name: 'variants', include: VARIANTS } },
      {
        extends: true,
        test: { name: 'servers', include: SERVERS, globalSetup: [PROGRAMS, REDIS] },
      },
      { extends: true, test: { name: 'traces', include: TRACES, globalSetup: [PROGRAMS] } },
      {
        extends: true,
        test: { name: 'consumers', include: CONSUMERS, globalSetup: [PROGRAMS, REDIS, TOOLS] },
      },
    ],
  },
})
