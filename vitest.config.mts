import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['__test__/**/*.spec.ts'],
    globalSetup: ['__test__/support/redis-global.ts'],
    // Real servers, real disks, real child processes, on machines with two cores.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // A native addon: one process for each file, as a user's program would be.
    pool: 'forks',
    globals: true,
  },
})
