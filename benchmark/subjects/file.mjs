import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { FileStorage } from '../../index.js'
import { load } from '../harness/packages.mjs'
import { FilesStorage } from '../reference/index.mjs'
import { keyValue } from './memory.mjs'

const close = async () => {}
const place = (directory) => join(directory, 'states')

const ours = (durable) => ({
  label: durable ? 'FileStorage' : 'FileStorage { durable: false }',
  ours: true,
  async open({ directory, relaxed }) {
    const storage = new FileStorage({ dir: place(directory), durable: durable && !relaxed })
    return { storage, close: () => storage.close() }
  },
})

const plain = (durable, more) => ({
  label: `fs.promises: temp${durable ? ' + fsync' : ''} + rename${durable ? ' + directory fsync' : ''}`,
  async open({ directory, relaxed }) {
    return { storage: new FilesStorage({ dir: place(directory), fsync: durable && !relaxed }), close }
  },
  ...more,
})

const threads = (durable) =>
  plain(durable, {
    label: 'the same with UV_THREADPOOL_SIZE=64',
    extra: true,
    environment: { UV_THREADPOOL_SIZE: '64' },
  })

const writeFileAtomic = (durable) => ({
  label: durable ? 'write-file-atomic (no directory fsync)' : 'write-file-atomic { fsync: false }',
  needs: ['write-file-atomic'],
  async open({ directory, relaxed }) {
    const { default: write } = await load('write-file-atomic')
    mkdirSync(place(directory), { recursive: true })
    const files = new FilesStorage({ dir: place(directory) })
    const options = { fsync: durable && !relaxed, mode: 0o600, chown: false }
    const storage = {
      load: (conversationId) => files.load(conversationId),
      save: (state) => write(files.file(state.conversationId), JSON.stringify(state), { ...options }),
    }
    return { storage, close }
  },
})

/** @type {Record<string, import('./index.mjs').Variant>} */
export const FILE = {
  'file-durable': {
    adapter: 'file',
    label: 'Files, durable',
    note: 'Each save is on the disk, the file and its name, before it is acknowledged.',
    reference: 'fs',
    subjects: {
      fs: plain(true),
      file: ours(true),
      'fs-64-threads': threads(true),
      'write-file-atomic': writeFileAtomic(true),
    },
  },
  'file-fast': {
    adapter: 'file',
    label: 'Files, durable: false',
    note: 'Nobody syncs; a state is replaced as a whole by a rename. unstorage writes in place, so that a crash tears a state.',
    reference: 'fs',
    subjects: {
      fs: plain(false),
      file: ours(false),
      'fs-64-threads': threads(false),
      'write-file-atomic': writeFileAtomic(false),
      unstorage: {
        label: 'unstorage (fs-lite; writes in place)',
        needs: ['unstorage'],
        async open({ directory }) {
          const { createStorage } = await load('unstorage')
          const { default: driver } = await load('unstorage/drivers/fs-lite')
          const store = createStorage({ driver: driver({ base: place(directory) }) })
          return { storage: keyValue(store, 'getItem', 'setItem'), close }
        },
      },
    },
  },
}
