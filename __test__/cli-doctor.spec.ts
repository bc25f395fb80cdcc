// What doctor finds, and compact mends.
import { chmod, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { SQLiteStorage } from '../index.js'
import { cli } from './support/cli.js'
import { FILES, SQLITE, state } from './support/cli-stores.js'
import { runSql, temporaryDirectory } from './support/subjects.js'

describe('doctor and compact', () => {
  it('find and remove what a crash left in a directory, and name files that are not read', async () => {
    const { cwd, store, save } = await FILES.make()
    await save('ana', 'whatsapp:+57300')
    const dir = join(cwd, 'data')
    expect(await cli(['doctor', store], { cwd })).toEqual({
      code: 0,
      stdout: '',
      stderr: '2 conversations looked at, no problem.\n',
    })
    const put = (name: string, text: string) => writeFile(join(dir, name), text, { mode: 0o600 })
    const old = new Date(Date.now() - 7_200_000)
    await put('.flowkit-00000000-x.tmp', 'half')
    await utimes(join(dir, '.flowkit-00000000-x.tmp'), old, old)
    await put('.flowkit-00000001-y.tmp', 'half')
    await put('ana (copy).json', await readFile(join(dir, 'ana.json'), 'utf8'))
    await put('whatsapp:+57300.json', '{"conversationId":"whatsapp:+57300"}')
    await put('package.json', '{"name":"x"}')
    await put('mark.json', '\ufeff{"conversationId":"mark"}')
    await chmod(join(dir, 'ana.json'), 0o644)
    const { code, stdout } = await cli(['doctor', store, '--json'], { cwd })
    expect(code).toBe(3)
    const found = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(({ code, level, examples }) => [code, [level, ...examples]]),
    )
    expect(found).toEqual({
      'left-over': ['problem', '.flowkit-00000000-x.tmp'],
      save: ['note', '.flowkit-00000001-y.tmp'],
      misnamed: ['problem', 'ana (copy).json holds "ana"'],
      twice: ['problem', 'whatsapp:+57300.json'],
      foreign: ['note', 'package.json'],
      corrupt: ['problem', 'mark.json'],
      'file-mode': ['problem', 'ana.json (644)'],
    })
    expect(await cli(['compact', store], { cwd })).toEqual({
      code: 0,
      stdout: '',
      stderr: '1 left-over file removed.\n1 file kept: in use, or younger than an hour.\n',
    })
    expect((await readdir(dir)).filter((name) => name.startsWith('.'))).toEqual(['.flowkit-00000001-y.tmp'])
  })

  it('find free pages, and give them back', async () => {
    const cwd = await temporaryDirectory()
    const path = join(cwd, 'bot.db')
    await runSql(
      path,
      'CREATE TABLE conversations (id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL)',
    )
    await chmod(path, 0o600)
    const storage = new SQLiteStorage({ path })
    const text = 'x'.repeat(20_000)
    for (let at = 0; at < 200; at++) await storage.save({ ...state(`c-${at}`), slots: { text } })
    for (let at = 0; at < 190; at++) await storage.delete(`c-${at}`)
    await storage.close()
    const found = await cli(['doctor', 'bot.db'], { cwd })
    expect(found.code).toBe(3)
    expect(found.stdout).toMatch(/problem {2}\d\.\d MB of \d\.\d MB are free pages: "compact" gives them back\./)
    const { code, stderr } = await cli(['compact', 'bot.db'], { cwd })
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^VACUUM: \d\.\d MB before, \d+ kB now\.\nFrom now on the file gives its space back by itself/,
    )
    expect(await cli(['doctor', 'bot.db'], { cwd })).toMatchObject({
      code: 0,
      stderr: '10 conversations looked at, no problem.\n',
    })
    expect((await cli(['compact', 'bot.db'], { cwd })).stderr).toMatch(/^incremental_vacuum: /)
  })

  it('leave the way of a database with other tables as it is', async () => {
    const { cwd, save } = await SQLITE.make()
    const path = join(cwd, 'bot.db')
    await runSql(path, 'CREATE TABLE users (name TEXT)')
    await save('ana')
    expect((await cli(['compact', 'bot.db'], { cwd })).stderr).toMatch(/^VACUUM: [^\n]*\n$/)
    expect(await runSql(path, 'PRAGMA auto_vacuum')).toEqual([{ auto_vacuum: 0 }])
  })

  it('find a damaged database', async () => {
    const { cwd, save } = await SQLITE.make()
    await save(...Array.from({ length: 500 }, (_, at) => `c-${at}`))
    const path = join(cwd, 'bot.db')
    const bytes = await readFile(path)
    // Whole pages in the middle, as a disk would lose them.
    bytes.fill(0xa5, 8 * 4_096, 20 * 4_096)
    await writeFile(path, bytes)
    const { code, stdout } = await cli(['doctor', 'bot.db', '--json'], { cwd })
    expect(code).toBe(3)
    expect(stdout).toContain('"code":"damaged"')
    expect(await readFile(path)).toEqual(bytes)
  })
})
