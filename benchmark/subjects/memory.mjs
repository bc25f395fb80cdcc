import { MapStorage } from '../reference/index.mjs'

/** @type {Record<string, import('./index.mjs').Place>} */
export const MEMORY = {
  memory: {
    adapter: 'memory',
    label: 'memory',
    note: 'The conversations are gone once the process ends.',
    reference: 'map',
    subjects: {
      map: { label: 'Map + structuredClone', open: () => new MapStorage() },
      memory: { label: 'MemoryStorage', ours: true, open: ({ adapters }) => new adapters.MemoryStorage() },
    },
  },
}
