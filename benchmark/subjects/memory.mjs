import { MemoryStorage } from '../../index.js'
import { load } from '../harness/packages.mjs'
import { MapStorage } from '../reference/index.mjs'

const open = (storage) => ({ storage, close: async () => {} })

/** @type {Record<string, import('./index.mjs').Variant>} */
export const MEMORY = {
  memory: {
    adapter: 'memory',
    label: 'Memory',
    keepsNothing: true,
    note: 'Nothing is kept on disk.',
    reference: 'map',
    subjects: {
      map: { label: 'Map + structuredClone', open: async () => open(new MapStorage()) },
      memory: { label: 'MemoryStorage', ours: true, open: async () => open(new MemoryStorage()) },
      keyv: {
        label: 'keyv (in memory)',
        needs: ['keyv'],
        async open() {
          const { Keyv } = await load('keyv')
          return open(keyValue(new Keyv(), 'get', 'set'))
        },
      },
      unstorage: {
        label: 'unstorage (memory)',
        needs: ['unstorage'],
        async open() {
          const { createStorage } = await load('unstorage')
          return open(keyValue(createStorage(), 'getItem', 'setItem'))
        },
      },
    },
  },
}

/** A store of values by key, under the two methods that are measured. */
export function keyValue(store, get, set) {
  return {
    load: (conversationId) => store[get](conversationId),
    save: (state) => store[set](state.conversationId, state),
  }
}
