import { defineConfig } from 'vitest/config'

const project = (pool, environment) => ({
  test: { name: `${pool}, ${environment}`, include: ['vitest.mjs'], pool, environment },
})

export default defineConfig({
  test: {
    projects: [
      project('forks', 'node'),
      project('threads', 'jsdom'),
      project('vmThreads', 'happy-dom'),
      project('vmForks', 'node'),
    ],
  },
})
