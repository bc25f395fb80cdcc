import { conformance } from './suite.js'
import { MEMORY } from './support/subjects.js'

conformance(MEMORY)

// What is remembered of histories must not show: with nothing, and with room for about one entry.
for (const snapshots of [0, 1_500]) {
  conformance({
    ...MEMORY,
    name: `memory with snapshots: ${snapshots}`,
    makePlace: async () => ({ adapter: 'memory', options: { snapshots } }),
  })
}
