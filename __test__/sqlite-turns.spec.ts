import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe } from 'vitest'

import { countBothCase } from './lock-counters.js'
import { lockProcessCases } from './lock-processes.js'
import { SQLITE, temporaryDirectory } from './support/subjects.js'
import { turnCases, type Way } from './turns.js'

function onBetterSqlite(journal: string, mode: 'auto' | 'inline'): Way {
  return {
    name: `sqlite { db }, ${journal}, ${mode}`,
    native: mode === 'auto',
    async makePlace() {
      const path = join(await temporaryDirectory(), 'data', 'states.db')
      await mkdir(dirname(path))
      return { adapter: 'better-sqlite3', options: { path, journal, mode } }
    },
  }
}

const BY_PATH: Way = { name: SQLITE.name, native: true, makePlace: SQLITE.makePlace }
const INLINE = onBetterSqlite('WAL', 'inline')

const DATABASES = [onBetterSqlite('WAL', 'auto'), onBetterSqlite('DELETE', 'auto')]

for (const way of [BY_PATH, ...DATABASES, INLINE]) turnCases(way)
for (const way of [BY_PATH, INLINE]) describe(`processes on ${way.name}`, () => lockProcessCases(way))

/** How often each process adds on a rollback journal, where a commit costs several syncs. */
const FEW = Number(process.env.FLOWKIT_LOCK_TURNS ?? 10)

for (const way of [...DATABASES, onBetterSqlite('DELETE', 'inline')]) {
  countBothCase(way.name, way, way.name.includes('DELETE') ? FEW : undefined)
}
