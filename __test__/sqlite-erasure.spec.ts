import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'

import { SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { runSql, temporaryDirectory } from './support/subjects.js'

const { sample } = samples

const SECRET = 'a secret of the user'

/** A state with the secret, of about so many bytes. */
const secret = (id: string, size: number) => sample(id, { slots: { text: SECRET.repeat(size / SECRET.length) } })

/** Returns the files of a directory in which the secret can be found. */
async function residue(dir: string) {
  const names = await readdir(dir)
  const found = await Promise.all(names.map(async (name) => (await readFile(join(dir, name))).includes(SECRET)))
  return names.filter((_, index) => found[index]).sort()
}

describe('what is left of what was deleted', () => {
  const sizes = [40, 700, 20_000, 300_000]
  for (const journal of ['wal', 'delete'] as const) {
    for (const secureDelete of [false, true]) {
      it(`journal ${journal}, secureDelete ${secureDelete}`, async () => {
        const dir = await temporaryDirectory()
        const storage = new SQLiteStorage({ path: join(dir, 'states.db'), journal, secureDelete })
        const others = Array.from({ length: 50 }, (_, n) =>
          sample(`other-${n}`, { slots: { text: 'x'.repeat(2_000) } }),
        )
        await Promise.all(others.map((state) => storage.save(state)))
        for (const size of sizes) {
          await storage.save(secret(`deleted-${size}`, size))
          await storage.save(secret(`cleared-${size}`, size))
          // Replaced first, and deleted then.
          await storage.save(secret(`replaced-${size}`, size))
          await storage.save(sample(`replaced-${size}`))
          await storage.delete(`replaced-${size}`)
          await storage.delete(`deleted-${size}`)
        }
        expect(await storage.clear({ prefix: 'cleared-' })).toBe(sizes.length)
        const left = await residue(dir)
        if (secureDelete) expect(left).toEqual([])
        else expect(left.length).toBeGreaterThan(0)
        await storage.close()
        if (secureDelete) expect(await residue(dir)).toEqual([])
        expect(await runSql(join(dir, 'states.db'), 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
      })
    }
  }

  it('is told if readers keep it in the log, and gone after the next deletion', async () => {
    const dir = await temporaryDirectory()
    const path = join(dir, 'states.db')
    const storage = new SQLiteStorage({ path, secureDelete: true })
    await storage.save(secret('x', 40))
    const reader = new Database(path)
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM conversations').get()
    await expect(storage.delete('x')).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('deleted, but its bytes are still in the log'),
    })
    expect(await storage.load('x')).toBe(null)
    expect(await residue(dir)).not.toEqual([])
    reader.exec('COMMIT')
    reader.close()
    await storage.delete('x')
    expect(await residue(dir)).toEqual([])
    await storage.close()
  })

  it('secureDelete goes with a path', () => {
    const db = new Database(':memory:')
    const options = { db, secureDelete: true } as never
    expect(() => new SQLiteStorage(options)).toThrow(
      'The option "secureDelete" of the sqlite storage goes with the option "path".',
    )
    const wrong = { path: '/tmp/x.db', secureDelete: 1 } as never
    expect(() => new SQLiteStorage(wrong)).toThrow('secureDelete')
  })
})

describe('the space of what was removed', () => {
  const mode = async (path: string) => {
    const [row] = (await runSql(path, 'PRAGMA auto_vacuum')) as { auto_vacuum: number }[]
    return row?.auto_vacuum
  }

  async function fill(storage: SQLiteStorage) {
    const text = 'x'.repeat(20_000)
    await Promise.all(Array.from({ length: 400 }, (_, n) => storage.save(sample(`c-${n}`, { slots: { text } }))))
  }

  it.each(['wal', 'delete'] as const)('is given back, in a file that the storage made, %s', async (journal) => {
    const path = join(await temporaryDirectory(), 'states.db')
    const storage = new SQLiteStorage({ path, journal })
    await fill(storage)
    expect(await mode(path)).toBe(2)
    await storage.save(sample('stays'))
    expect(await storage.clear({ prefix: 'c-' })).toBe(400)
    await storage.close()
    expect((await stat(path)).size).toBeLessThan(1_000_000)
    const again = new SQLiteStorage({ path })
    expect(await again.load('stays')).toEqual(sample('stays'))
    await again.close()
    expect(await runSql(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  })

  it('is kept for what comes, in a file that somebody else made', async () => {
    const path = join(await temporaryDirectory(), 'states.db')
    await runSql(path, 'CREATE TABLE other (a)')
    const storage = new SQLiteStorage({ path })
    await fill(storage)
    expect(await storage.clear({ all: true })).toBe(400)
    await storage.close()
    expect(await mode(path)).toBe(0)
    expect((await stat(path)).size).toBeGreaterThan(8_000_000)
  })
})
