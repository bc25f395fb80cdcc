import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { runChild } from './support/child.js'
import { runSql, temporaryDirectory } from './support/subjects.js'
import { eventually } from './support/waiting.js'

const { sample } = samples

type Db = Database.Database

const newPath = async () => join(await temporaryDirectory(), 'states.db')

async function open(path?: string): Promise<Db> {
  const db = new Database(path ?? (await newPath()))
  onTestFinished(() => void db.close())
  return db
}

const storageOn = (db: Db) => new SQLiteStorage({ db })

/** The writer's threads of this process. Each ends after its connection. */
function writers(): number {
  const names = readdirSync('/proc/self/task').map((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8')
    } catch {
      return '' // It ended just now.
    }
  })
  return names.filter((name) => name.startsWith('flowkit-sqlite')).length
}

describe('beside the user’s own statements', () => {
  for (const journal of ['DELETE', 'WAL']) {
    it(`${journal}: 16 chains of saves fail none of the user’s transactions`, async () => {
      const db = await open()
      db.pragma(`journal_mode = ${journal}`)
      db.exec('CREATE TABLE stock (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO stock VALUES (1, 0)')
      const storage = storageOn(db)
      await storage.save(sample('a'))
      expect(storage.mode).toBe('native')
      const read = db.prepare('SELECT n FROM stock WHERE id = 1').pluck()
      const write = db.prepare('UPDATE stock SET n = ? WHERE id = 1')
      const add = db.transaction(() => write.run((read.get() as number) + 1))
      let running = true
      let saved = 0
      const chains = Array.from({ length: 16 }, async (_, chain) => {
        for (let version = 0; running; version++) {
          await storage.save(sample(`chain${chain}`, { currentStep: `${version}` }))
          saved++
        }
      })
      let done = 0
      while (Math.min(done, saved) < 600) {
        // Deferred: reads first, and could not get the write lock if anybody had written in between.
        add.deferred()
        done++
        db.exec('SAVEPOINT mine; UPDATE stock SET n = n + 1; RELEASE mine')
        done++
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      running = false
      await Promise.all(chains)
      expect(read.get()).toBe(done)
    })
  }

  it('a transaction sees what was saved before it, awaited or not, and keeps what is saved in it', async () => {
    const db = await open()
    const storage = storageOn(db)
    await storage.save(sample('a'))
    const step = db.prepare("SELECT json_extract(state, '$.currentStep') FROM conversations WHERE id = 'a'").pluck()
    for (let round = 0; round < 200; round++) {
      storage.save(sample('a', { currentStep: `before ${round}` }))
      db.transaction(() => {
        expect(step.get()).toBe(`before ${round}`)
        storage.save(sample('a', { currentStep: `inside ${round}` }))
        expect(step.get()).toBe(`inside ${round}`)
      })()
      const after = storage.save(sample('a', { currentStep: `after ${round}` }))
      if (round % 3 === 0) await after
      if (round % 7 === 0) expect((await storage.load('a'))?.currentStep).toBe(`after ${round}`)
    }
    db.exec('BEGIN')
    await storage.save(sample('a', { currentStep: 'undone' }))
    db.exec('ROLLBACK')
    expect((await storage.load('a'))?.currentStep).toBe('after 199')
  })

  for (const kind of ['that was opened later', 'of another storage, that was opened earlier']) {
    it(`a transaction on another connection, ${kind}, sees it too and may write`, async () => {
      const path = await newPath()
      const db = await open(path)
      db.pragma('journal_mode = WAL')
      const earlier = await open(path)
      const storage = storageOn(db)
      await storage.save(sample('a'))
      const other = kind === 'that was opened later' ? await open(path) : earlier
      const others = other === earlier ? new SQLiteStorage({ db: earlier, table: 'other' }) : undefined
      await others?.save(sample('a'))
      const step = other
        .prepare("SELECT json_extract(state, '$.currentStep') FROM conversations WHERE id = 'a'")
        .pluck()
      const write = other.prepare('UPDATE conversations SET updated_at = updated_at + 1')
      for (let round = 0; round < 200; round++) {
        const saved = storage.save(sample('a', { currentStep: `before ${round}` }))
        others?.save(sample('a'))
        // Deferred: could not write if anybody had written after its first read.
        other.transaction(() => {
          expect(step.get()).toBe(`before ${round}`)
          others?.save(sample('a'))
          write.run()
        })()
        if (round % 3 === 0) await saved
      }
      for (const each of others ? [storage, others] : [storage]) expect(each.mode).toBe('native')
      // Whichever closes first, the other goes on being watched.
      db.close()
      if (others) {
        others.save(sample('a', { currentStep: 'last' }))
        const own = other.prepare("SELECT json_extract(state, '$.currentStep') FROM other").pluck()
        other.transaction(() => expect(own.get()).toBe('last'))()
      }
      other.transaction(() => write.run())()
    })
  }

  it('the journal mode can be switched and the file be vacuumed right after saves', async () => {
    const db = await open()
    const storage = storageOn(db)
    for (const mode of ['wal', 'delete', 'wal', 'delete']) {
      await storage.save(sample('a'))
      storage.save(sample('b'))
      expect(db.pragma(`journal_mode = ${mode}`, { simple: true })).toBe(mode)
      storage.save(sample('c'))
      db.exec('VACUUM')
    }
    expect(storage.mode).toBe('native')
  })

  it.runIf(process.platform === 'linux')('our connection closes by itself when it is idle', async () => {
    const path = await newPath()
    const db = await open(path)
    db.pragma('journal_mode = WAL')
    const storage = storageOn(db)
    await storage.save(sample('a'))
    expect(writers()).toBeGreaterThan(0)
    await eventually('our connection is closed', () => writers() === 0)
    await storage.save(sample('b'))
    expect(await storage.load('a')).toEqual(sample('a'))
  })

  it('after the user’s close() everything is refused', async () => {
    const db = await open()
    const storage = storageOn(db)
    const pending = storage.save(sample('a'))
    await pending
    const late = storage.save(sample('b'))
    db.close()
    await expect(late).resolves.toBeUndefined()
    for (const operation of [storage.load('a'), storage.save(sample('a')), storage.delete('a')]) {
      await expect(operation).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED' })
    }
    await storage.close()
  })

  it('a close() within a transaction keeps what was saved before it', async () => {
    const path = await newPath()
    const db = await open(path)
    const storage = storageOn(db)
    await storage.load('a')
    const before = storage.save(sample('before'))
    db.exec('BEGIN IMMEDIATE')
    const inside = storage.save(sample('inside'))
    db.close()
    await Promise.all([before, inside])
    expect(await runSql(path, 'SELECT id FROM conversations')).toEqual([{ id: 'before' }])
  })

  it('what was given back is repeated also at the end of the process', async () => {
    const path = await newPath()
    const outcome = await runChild('host-close.mjs', { path, journal: 'WAL', ending: 'function, exit', count: 100 })
    expect(outcome).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    expect(await runSql(path, 'SELECT count(*) AS n FROM log')).toEqual([{ n: 100 }])
    expect(await runSql(path, 'SELECT count(*) AS n FROM conversations')).toEqual([{ n: 100 }])
  })
})
