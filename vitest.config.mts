import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** These take longest, and the order is by the size of a file: begun last, they would keep one worker busy alone. */
const LONGEST = [
  'sqlite-conformance',
  'file-conformance',
  'redis-conformance',
  'redis-variants',
  'redis-locks-processes',
  'node-versions',
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

/** Specs that need redis-server, openssl or PostgreSQL. */
const SERVERS = specs(
  'benchmark',
  'cli-copy-faults',
  'cli-copy-pairs',
  'cli-redis',
  'clients',
  'crowd',
  'documented',
  'ending',
  'engine',
  'etags',
  'examples',
  'fuzz',
  'fuzz-short-redis',
  'leak',
  'no-resources',
  'parity',
  'postgres',
  'retention-model',
  'stats',
  'redis*',
)

/** Specs with groups of servers that replace each other in real time: not beside everything else. */
const FAILOVERS = specs('redis-chaos', 'redis-cluster', 'redis-locks-failover', 'redis-sentinel', 'soak')

/** Specs that need strace. */
const TRACES = specs('lock-costs', 'power-loss', 'security')

/** Specs that need a browser. */
const BROWSERS = specs('studio-page', 'studio-strangers')

/** Specs that mount file systems. */
const VOLUMES = specs('file-systems', 'volumes')

/** Specs of the package in other programs: versions of Node.js, compilers and test runners, 500 MB of packages. */
const CONSUMERS = specs('environments', 'load-failures', 'node-versions', 'permissions', 'switching', 'testing-entry')

/** Specs that show once more what `core` shows, with other options. */
const VARIANTS = specs('file-variants')

const PROGRAMS = '__test__/support/programs-global.mjs'
const REDIS = '__test__/support/redis-global.ts'
const TOOLS = '__test__/support/tools-global.ts'

/** A set-up that its specs share. It runs only if one of them does. */
const project = (name: string, include: string[], more: TestProjectInlineConfiguration['test'] = {}) => ({
  extends: true as const,
  test: { name, include, ...more },
})

export default defineConfig({
  // Tests and examples import the package by its name, as users do.
  resolve: {
    alias: [
      { find: /^@andresaya\/flowkit-storage$/, replacement: fileURLToPath(new URL('index.js', import.meta.url)) },
    ],
  },
  test: {
    // Real servers, real disks, real child processes, on machines with two cores that others may use as well: no test is meant
    // to take as long.
    setupFiles: ['__test__/support/small-states.ts'],
    testTimeout: 300_000,
    hookTimeout: 900_000,
    // A native addon: one process for each file, as a user's program would be.
    pool: 'forks',
    // By default one less than there are cores. Much of the time is spent waiting for servers, disks and ends of processes.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    globals: true,
    projects: [
      project('core', specs('*'), {
        exclude: [...SERVERS, ...FAILOVERS, ...TRACES, ...BROWSERS, ...VOLUMES, ...CONSUMERS, ...VARIANTS],
      }),
      project('variants', VARIANTS),
      project('servers', SERVERS, { exclude: FAILOVERS, globalSetup: [PROGRAMS, REDIS] }),
      // After all others.
      project('failovers', FAILOVERS, { globalSetup: [PROGRAMS], maxWorkers: 2, sequence: { groupOrder: 1 } }),
      project('traces', TRACES, { globalSetup: [PROGRAMS] }),
      project('browsers', BROWSERS, { globalSetup: [PROGRAMS] }),
      project('volumes', VOLUMES, { globalSetup: [PROGRAMS] }),
      project('consumers', CONSUMERS, { globalSetup: [PROGRAMS, REDIS, TOOLS] }),
    ],
  },
})
