// The commands that look at a store and delete from it, on real stores and in pipes.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { FileStorage, SQLiteStorage } from '../index.js'
import { cli, shell } from './support/cli.js'
import { FILES, SQLITE } from './support/cli-stores.js'

const HOSTILE = [
  'a\u001b[2Jb',
  'rtl\u202eid',
  'zero\u200bwidth',
  'line\nbreak',
  '--force',
  '../../etc/passwd',
  'a"b\\c',
  '💬',
  'c1\u009b31m',
]

describe.each([FILES, SQLITE])('the command line on $name', (kind) => {
  it('lists ids so that none of them can harm a terminal, and exactly with --json', async () => {
    const { cwd, store, save } = await kind.make()
    await save(...HOSTILE)
    const shown = await cli(['ls', store], { cwd })
    expect(shown).toMatchObject({ code: 0, stderr: '9 conversations.\n' })
    expect(shown.stdout.split('\n')[0]).toBe('UPDATED     EXPIRES      SIZE  ID')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there.
    expect(shown.stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]/)
    for (const id of ['a\\u001b[2Jb', 'rtl\\u202eid', 'zero\\u200bwidth', 'line\\u000abreak', 'c1\\u009b31m', '💬']) {
      expect(shown.stdout).toContain(`  ${id}\n`)
    }
    const { stdout } = await cli(['ls', store, '--json'], { cwd })
    const found = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(found.map(({ id }) => id).sort()).toEqual([...HOSTILE].sort())
    expect(found[0]).toEqual({
      id: expect.any(String),
      size: expect.any(Number),
      updatedAt: expect.any(Number),
      expiresAt: null,
    })
  })

  it('lists by prefix, age, size and time, with a limit', async () => {
    const { cwd, store, save, plant } = await kind.make()
    await save('a-1', 'a-2', 'b-1')
    // Another millisecond.
    await new Promise((resolve) => setTimeout(resolve, 20))
    await plant('a-3', JSON.stringify({ conversationId: 'a-3', text: 'x'.repeat(1_000) }))
    const ids = async (...more: string[]) =>
      (await cli(['ls', store, '--ids', ...more], { cwd })).stdout.trim().split('\n').sort()
    expect(await ids('--prefix', 'a-')).toEqual(['a-1', 'a-2', 'a-3'])
    expect(await ids('--sort', 'size', '--limit', '1')).toEqual(['a-3'])
    expect(await ids('--sort', 'updated', '--limit', '1')).toEqual(['a-3'])
    expect(await ids('--limit', '2')).toHaveLength(2)
    expect(await ids('--older-than', '1h')).toEqual([''])
  })

  it('shows a conversation, and its text byte for byte', async () => {
    const { cwd, store, save, plant } = await kind.make()
    await save('ana')
    const { code, stdout } = await cli(['show', store, 'ana'], { cwd })
    expect(code).toBe(0)
    expect(stdout).toContain('user       Hello\nassistant  Hi \\u001b[31mthere\n')
    expect(stdout).toContain('SLOTS\nname     Ana\n_visits  3\n')
    const text = '{ "conversationId":"raw",\n "n": 1.0, "esc": "\u202e\u009b", "history": [] }'
    await plant('raw', text)
    expect(await cli(['show', store, 'raw', '--json'], { cwd })).toEqual({ code: 0, stdout: text, stderr: '' })
    const missing = await cli(['show', store, 'no\u001bne'], { cwd })
    expect(missing).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `Error: There is no conversation "no\\u001bne" in ${store}.\n`,
    })
  })

  it('counts, and goes on past states that cannot be read', async () => {
    const { cwd, store, save, plant } = await kind.make()
    await save(...Array.from({ length: 99 }, (_, at) => `c-${at}${at < 33 ? '!' : ''}`))
    await plant('bad', '{"conversationId":"ba')
    const { code, stdout, stderr } = await cli(['stats', store, '--json'], { cwd })
    expect({ code, stderr }).toEqual({ code: 4, stderr: '1 cannot be read: "flowkit-storage doctor" names them.\n' })
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({ conversations: 100, ended: 33, unreadable: 1, expiring: 0 })
    expect(result.largest).toHaveLength(10)
    const doctor = await cli(['doctor', store, '--json'], { cwd })
    expect(doctor.code).toBe(3)
    const findings = doctor.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(findings.find(({ code }) => code === 'corrupt')).toMatchObject({ level: 'problem', count: 1 })
    const listed = await cli(['ls', store, '--ids'], { cwd })
    expect(listed.stdout.split('\n')).toContain('bad')
    expect(await cli(['show', store, 'bad', '--json'], { cwd })).toMatchObject({
      code: 0,
      stdout: '{"conversationId":"ba',
    })
    const shown = await cli(['show', store, 'bad'], { cwd })
    expect(shown.code).toBe(1)
    expect(shown.stderr).toContain('"--json" prints it as it is.')
  })

  it('deletes what it is told to, only with --yes, and says what was not there', async () => {
    const { cwd, store, save } = await kind.make()
    await save('ana', '--yes', 'line\nbreak', 'stays')
    const refused = await cli(['rm', store, 'ana'], { cwd })
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('say --yes')
    expect(await cli(['rm', store, '-y', 'ana', 'nobody', '--', '--yes'], { cwd })).toEqual({
      code: 4,
      stdout: '',
      stderr: 'There is no conversation "nobody".\n2 conversations deleted, 1 not there.\n',
    })
    expect((await cli(['rm', store, '--yes', 'nobody'], { cwd })).code).toBe(1)
    const input = `${JSON.stringify('line\nbreak')}\n`
    expect(await cli(['rm', store, '--yes', '--stdin'], { cwd, input })).toMatchObject({ code: 0 })
    expect((await cli(['ls', store, '--ids'], { cwd })).stdout).toBe('stays\n')
  })

  it('prunes what is old, of it only what has ended if so told, and neither without --yes', async () => {
    const { cwd, store, save, plant } = await kind.make()
    await save('over!', 'open', 'also over!')
    await plant('bad', '{')
    expect((await cli(['prune', store, '--older-than', '0s'], { cwd })).code).toBe(2)
    expect((await cli(['prune', store, '--yes'], { cwd })).stderr).toContain('--older-than is missing')
    const young = await cli(['prune', store, '--older-than', '1h', '--ended', '--yes'], { cwd })
    expect(young).toMatchObject({ code: 0, stderr: '0 conversations deleted, 4 kept.\n' })
    const dry = await cli(['prune', store, '--older-than', '0s', '--ended', '--dry-run'], { cwd })
    expect(dry.stderr).toBe('2 conversations would be deleted, 1 kept, 1 that cannot be read kept.\n')
    expect((await cli(['ls', store, '--ids'], { cwd })).stdout.trim().split('\n')).toHaveLength(4)
    const ended = await cli(['prune', store, '--older-than', '0s', '--ended', '--yes'], { cwd })
    expect(ended).toMatchObject({ code: 4, stderr: '2 conversations deleted, 1 kept, 1 that cannot be read kept.\n' })
    expect((await cli(['ls', store, '--ids'], { cwd })).stdout.trim().split('\n').sort()).toEqual(['bad', 'open'])
    expect((await cli(['prune', store, '--older-than', '0s', '--prefix', 'op', '--yes'], { cwd })).stderr).toContain(
      '1 conversation deleted',
    )
  })

  it('keeps a conversation that somebody has locked, though it is old and has ended', async () => {
    const { cwd, store, save } = await kind.make()
    await save('over!')
    const storage =
      kind === FILES ? new FileStorage({ dir: join(cwd, 'data') }) : new SQLiteStorage({ path: join(cwd, 'bot.db') })
    await storage.withLock('over!', async () => {
      const { stderr } = await cli(['prune', store, '--older-than', '0s', '--ended', '--yes'], { cwd })
      expect(stderr).toBe('0 conversations deleted, 1 kept.\n')
    })
    await storage.close()
  })

  it('waits for a slow reader, and warns of nothing', async () => {
    const { cwd, store, save } = await kind.make()
    await save(...Array.from({ length: 3_000 }, (_, at) => `conversation-${at}-${'x'.repeat(500)}`))
    const { stdout, stderr } = await shell(`flowkit-storage ls ${store} | (sleep 1; wc -l)`, { cwd })
    expect({ lines: stdout.trim(), stderr }).toEqual({ lines: '3001', stderr: '3,000 conversations.\n' })
  })

  it('goes on deleting when nobody reads its messages', async () => {
    const { cwd, store, save } = await kind.make()
    await save('last')
    const missing = Array.from({ length: 2_000 }, (_, at) => `nobody-${at}`).join(' ')
    const line = `(flowkit-storage rm ${store} ${missing} last --yes 2>&1; echo "exit $?" >&2) | head -n 1`
    expect((await shell(line, { cwd })).stderr).toBe('exit 4\n')
    expect((await cli(['ls', store, '--ids'], { cwd })).stdout).toBe('')
  })

  it('ends quietly when its reader has gone', async () => {
    const { cwd, store, save } = await kind.make()
    await save(...Array.from({ length: 3_000 }, (_, at) => `conversation-${at}-${'x'.repeat(60)}`))
    const { code, stdout, stderr } = await shell(`(flowkit-storage ls ${store}; echo "exit $?" >&2) | head -n 1`, {
      cwd,
    })
    expect({ code, lines: stdout.split('\n').length, stderr }).toEqual({ code: 0, lines: 2, stderr: 'exit 0\n' })
  })
})
