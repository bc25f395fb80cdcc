import { FilesStorage } from '../reference/index.mjs'

const subjects = (durable) => ({
  fs: {
    label: `fs.promises: temp${durable ? ' + fsync' : ''} + rename${durable ? ' + directory fsync' : ''}`,
    open: ({ directory, relaxed }) => new FilesStorage({ dir: directory, fsync: durable && !relaxed }),
  },
  file: {
    label: durable ? 'FileStorage' : 'FileStorage { durable: false }',
    ours: true,
    open: ({ adapters, directory, relaxed }) =>
      new adapters.FileStorage({ dir: directory, durable: durable && !relaxed }),
  },
})

/** @type {Record<string, import('./index.mjs').Place>} */
export const FILE = {
  'file-durable': {
    adapter: 'file',
    label: 'durable',
    note: 'With `durable`, a save resolves once the file and its name are on the disk.',
    reference: 'fs',
    subjects: subjects(true),
  },
  'file-fast': {
    adapter: 'file',
    label: 'durable: false',
    note: 'With `durable: false`, no adapter syncs; a rename replaces a state as a whole.',
    reference: 'fs',
    subjects: subjects(false),
  },
}
