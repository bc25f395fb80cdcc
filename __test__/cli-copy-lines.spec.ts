import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import samples from '../testing/samples.js'
import { shell } from './support/cli.js'
import { cli, fill, isThere, makePlace, put, readAll, run, two } from './support/copies.js'

const { sample } = samples
const require = createRequire(import.meta.url)
const { decide } = require('../cli/decide.js')
const { readLines } = require('../cli/lines.js')

const text = (id: string, extra: object = {}) => JSON.stringify(sample(id, extra))

describe('the decision', () => {
  const raw = (content: object | string, updatedAt: number | null, expiresAt: number | null = null) => ({
    text: typeof content === 'string' ? content : JSON.stringify(content),
    updatedAt,
    expiresAt,
  })
  const T = 1_700_000_000_000
  it.each([
    ['nothing there', raw('a', T), null, 'new new new'],
    ['equal', raw('a', T), raw('a', T), 'equal equal equal'],
    ['equal, and younger in FROM', raw('a', T + 9_000), raw('a', T), 'equal renewed renewed'],
    ['equal, and younger there', raw('a', T), raw('a', T + 9_000), 'equal equal equal'],
    ['equal, and expires sooner there', raw('a', null, T + 9_000), raw('a', null, T), 'equal renewed renewed'],
    ['equal, and never expires there', raw('a', null, T), raw('a', null), 'equal equal equal'],
    ['newer in FROM', raw('a', T + 9_000), raw('b', T), 'kept replaced replaced'],
    ['newer there', raw('a', T), raw('b', T + 9_000), 'kept kept replaced'],
    ['as old', raw('a', T), raw('b', T), 'kept kept replaced'],
    [
      'as old, the state is newer in FROM',
      raw({ updatedAt: T + 1 }, T),
      raw({ updatedAt: T }, T),
      'kept replaced replaced',
    ],
    [
      'of unknown age, the state is newer',
      raw({ updatedAt: T + 1 }, null),
      raw({ updatedAt: T }, T),
      'kept replaced replaced',
    ],
    [
      'of unknown age, the state is older',
      raw({ updatedAt: T }, T),
      raw({ updatedAt: T + 1 }, null),
      'kept kept replaced',
    ],
    ['of unknown age', raw({ updatedAt: 5 }, null), raw('b', T), 'kept kept replaced'],
    [
      'a coarse clock, the state is older',
      raw({ updatedAt: T }, T + 1_500),
      raw({ updatedAt: T + 5 }, T),
      'kept kept replaced',
    ],
  ])('%s', (_name, from, to, effects) => {
    const modes = ['never', 'older', 'always']
    expect(modes.map((mode) => decide(from, to, mode)).join(' ')).toBe(effects)
  })
})

describe('check', () => {
  it('tells what differs, and how by the exit code', async () => {
    const { from, to, addresses } = await two()
    for (const id of ['equal', 'differs', 'from only']) await put(from, id, text(id), 60_000)
    for (const id of ['equal', 'to only']) await put(to, id, text(id), 0)
    await put(to, 'differs', `${text('differs')} `, 60_000)
    const { code, stdout, stderr } = await cli(['check', ...addresses])
    expect({ code, lines: stdout.split('\n').sort() }).toEqual({
      code: 3,
      lines: ['', '* differs', '+ from only', '- to only'],
    })
    expect(stderr).toBe('1 equal, 1 differ, 1 only in FROM, 1 only in TO.\n')
    expect((await cli(['check', ...addresses, '--prefix', 'equal', '--all'])).stdout).toBe('= equal\n')
    const json = await cli(['check', ...addresses, '--prefix', 'to', '--json'])
    expect(JSON.parse(json.stdout)).toEqual({ sign: '-', id: 'to only' })
    writeFileSync(join(addresses[0] as string, 'equal.json'), Buffer.from([0xff]))
    const broken = await cli(['check', ...addresses])
    expect(broken.code).toBe(4)
    expect(broken.stdout).toContain('! equal\n')
  })
})

describe('export and import', () => {
  it('bring everything back, byte for byte and as old as it was', async () => {
    const { from, addresses } = await two()
    await fill(from, 300)
    const exported = await cli(['export', addresses[0] as string])
    expect(exported).toMatchObject({ code: 0, stderr: '300 conversations exported.\n' })
    for (const line of exported.stdout.trimEnd().split('\n')) JSON.parse(line)
    for (const way of ['files', 'SQLite'] as const) {
      const place = await makePlace(way)
      const imported = await cli(['import', place.address as string], { stdin: exported.stdout })
      expect(imported).toMatchObject({ code: 0, stderr: '300 copied, 0 equal, 0 kept, 0 failed.\n' })
      expect(await readAll(place.open())).toEqual(await readAll(from))
      const again = await cli(['import', place.address as string], { stdin: exported.stdout })
      expect(again.stderr).toBe('0 copied, 300 equal, 0 kept, 0 failed.\n')
    }
  })

  it('wait for a reader that is slow, and leave nothing out', async () => {
    const { from, addresses } = await two()
    // More than fits into a pipe, for each of the 64 that are read side by side.
    const state = (id: string) => samples.sample(id, { slots: { long: 'x'.repeat(100_000) } })
    for (let n = 0; n < 300; n++) await from.save(state(`user-${n}`))
    const { child, ended } = run(['export', addresses[0] as string])
    for (let pauses = 0; pauses < 10; pauses++) {
      child.stdout.pause()
      await new Promise((resolve) => setTimeout(resolve, 50))
      child.stdout.resume()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const { code, stdout, stderr } = await ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '300 conversations exported.\n' })
    expect(stdout.split('\n').length).toBe(301)
  })

  it('list broken lines by their numbers, and take the rest', async () => {
    const place = await makePlace('files')
    const record = (id: string, more = '') => `{"id":"${id}"${more},"state":${text(id)}}`
    const lines: (string | Buffer)[] = [
      `\ufeff${record('a')}\r`,
      '',
      'no JSON',
      record('b', ',"updatedAt":1700000000000'),
      '[1]',
      '{"id":"c","state":{"conversationId":"d"}}',
      '{"id":"e"}',
      Buffer.from([0x22, 0xff, 0x22]),
      `{"id":"f","state":1,"text":"{}"}`,
      `{ "state" : {"conversationId":"g" , "x\\"state\\"":[{"state":","}]} , "id":"g", "other": {"state": 5} }`,
      record('h', ',"updatedAt":"yesterday"'),
      '{"id":7,"state":{}}',
      `{"id":"${'i'.repeat(2_000)}","state":${text('i'.repeat(2_000))}}`,
      record('last'),
    ]
    const stdin = Buffer.concat(lines.flatMap((line, at) => [Buffer.from(at === 0 ? '' : '\n'), Buffer.from(line)]))
    const { code, stderr } = await cli(['import', place.address as string], { stdin })
    const broken = [...stderr.matchAll(/^line (\d+): /gm)].map(([, number]) => Number(number))
    expect(broken.sort((a, b) => a - b)).toEqual([3, 5, 6, 7, 8, 9, 11, 12, 13])
    expect(code).toBe(4)
    const all = await readAll(place.open())
    expect([...all.keys()].sort()).toEqual(['a', 'b', 'g', 'last'])
    expect(all.get('b')?.updatedAt).toBe(1_700_000_000_000)
    expect(all.get('g')?.text).toBe('{"conversationId":"g" , "x\\"state\\"":[{"state":","}]}')
    // As old as the state says, if the line does not.
    expect(all.get('a')?.updatedAt).toBe(1_700_000_000_001)
    expect(stderr).not.toContain('ask_name')
  })

  it('leave out what has expired meanwhile', async () => {
    const place = await makePlace('SQLite')
    const stdin = `{"id":"a","expiresAt":1700000000001,"state":${text('a')}}\n{"id":"b","expiresAt":null,"state":${text('b')}}`
    const { code, stderr } = await cli(['import', place.address as string], { stdin })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '1 copied, 0 equal, 0 kept, 1 expired, 0 failed.\n' })
    expect([...(await readAll(place.open())).keys()]).toEqual(['b'])
  })

  it('refuse UTF-16, and take an empty input for nothing', async () => {
    const place = await makePlace('SQLite')
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`{"id":"a"}`, 'utf16le')])
    const refused = await cli(['import', place.address as string], { stdin: utf16 })
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('UTF-16') })
    expect(await cli(['import', place.address as string], { stdin: '\n\n' })).toMatchObject({ code: 0 })
    expect(isThere(place)).toBe(false)
  })

  it.skipIf(process.platform === 'win32')('refuse a directory', async () => {
    const place = await makePlace('SQLite')
    const { stderr, code } = await shell(`flowkit-storage import ${place.address} < .`, { cwd: '.' })
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('The input is a directory.') })
    expect(isThere(place)).toBe(false)
  })

  it('read lines of any length, and keep none in memory that is longer than a text can be', async () => {
    async function* chunks() {
      for (const part of ['ab', 'c\n', '12345', '6789', '0123\nde', '\n12345678\nx\r\n', '123456789'])
        yield Buffer.from(part)
    }
    const lines = []
    for await (const { number, text: line, problem } of readLines(chunks(), 8)) lines.push([number, line ?? problem])
    const tooLong = 'it is longer than 8 bytes.'
    expect(lines).toEqual([
      [1, 'abc'],
      [2, tooLong],
      [3, 'de'],
      [4, '12345678'],
      [5, 'x'],
      [6, tooLong],
    ])
  })

  it.skipIf(process.platform !== 'linux')('say in a line if the output has no room', async () => {
    const place = await makePlace('files')
    await fill(place.open(), 20)
    const { child, ended } = run(['export', place.address as string])
    child.stdout.destroy()
    expect((await ended).code).toBe(0)
    const main = require.resolve('../cli/main.js')
    const full = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      const args = ['-c', '"$0" "$@" > /dev/full', process.execPath, main, 'export', place.address as string]
      execFile('sh', args, (error, _stdout, stderr) => resolve({ code: error?.code, stderr }))
    })
    expect(full).toEqual({ code: 1, stderr: 'Error: Cannot write the output: ENOSPC.\n' })
  })
})
