import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { conformance } from './suite.js'
import { runChild, startChild } from './support/child.js'
import { database, runSql, temporaryDirectory } from './support/subjects.js'

/** How often the writer is killed in each journal mode. */
const KILLS = Number(process.env.FLOWKIT_KILLS ?? 40)

const JOURNALS = ['DELETE', 'WAL'] as const

for (const journal of JOURNALS) conformance({ ...database(journal), kills: KILLS })

describe('several writers on one file', () => {
  for (const journal of JOURNALS) {
    it(`${journal}: two threads with their connections, our threads and another process lose nothing`, async () => {
      const path = join(await temporaryDirectory(), 'states.db')
      // Not by the writers themselves: to switch to WAL takes the file alone, and does not wait for it.
      await runSql(path, `PRAGMA journal_mode = ${journal}`)
      await runSql(path, 'CREATE TABLE log (writer TEXT, number INTEGER, PRIMARY KEY (writer, number))')
      await runSql(path, 'CREATE TABLE counter (n INTEGER)')
      await runSql(path, 'INSERT INTO counter VALUES (0)')
      const count = journal === 'WAL' ? 1500 : 300
      const one = startChild('host-writers.mjs', { path, name: 'main', worker: 'worker', count })
      const two = startChild('host-writers.mjs', { path, name: 'process', count })
      for (const ending of await Promise.all([one.ending, two.ending])) {
        expect(ending).toEqual({ code: 0, signal: null, stdout: 'done\n', stderr: '' })
      }
      expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
      expect(await runSql(path, 'SELECT n FROM counter')).toEqual([{ n: 3 * count }])
      expect(await runSql(path, 'SELECT count(*) AS n FROM log')).toEqual([{ n: 3 * count }])
      expect(await runSql(path, 'SELECT count(*) AS n FROM conversations')).toEqual([{ n: 3 * count }])
    })
  }
})

describe('un-awaited saves', () => {
  const count = 200
  for (const journal of JOURNALS) {
    for (const ending of ['close', 'exit', 'throw', 'worker, close', 'worker, end', 'worker, terminated']) {
      it(`${journal}: are kept, ${ending}`, async () => {
        const path = join(await temporaryDirectory(), 'states.db')
        const child = await runChild('host-close.mjs', { path, journal, ending, count })
        expect(child).toMatchObject({ code: ending === 'throw' ? 1 : 0, signal: null })
        if (ending !== 'throw') expect(child.stderr).toBe('')
        // The user's connection was the last to close, so that SQLite has removed -wal and -shm.
        if (ending === 'close' || ending.startsWith('worker')) expect(child.stdout).toBe('states.db\n')
        expect(await runSql(path, 'SELECT count(*) AS n FROM conversations')).toEqual([{ n: count }])
        expect(await readdir(dirname(path))).toEqual(['states.db'])
      })
    }
  }
})
