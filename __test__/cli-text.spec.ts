// Text as a terminal may have it, and how it is written.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'

const require = createRequire(import.meta.url)
const { Output, Progress } = require('../cli/output.js')
const { cut, pad, printable, printableJson, printableProse, size, span, when, width, wrap } = require('../cli/text.js')

describe('printable text', () => {
  it.each([
    ['plain – ünïcödé 漢字 💬', 'plain – ünïcödé 漢字 💬'],
    ['\u001b[2J\r\n\t\u0000\u007f\u009b', '\\u001b[2J\\u000d\\u000a\\u0009\\u0000\\u007f\\u009b'],
    ['a\u202eb\u2066c\u200fd', 'a\\u202eb\\u2066c\\u200fd'],
    ['a\u200bb\u200dc\u00add\u2060e\ufe0ff\u3164g', 'a\\u200bb\\u200dc\\u00add\\u2060e\\ufe0ff\\u3164g'],
    ['a\u{e0041}b', 'a\\u{e0041}b'],
    ['lone \ud800 \udc00', 'lone \\ud800 \\udc00'],
    ['\u2028\u2029\ufeff', '\\u2028\\u2029\\ufeff'],
  ])('%j', (text, expected) => {
    expect(printable(text)).toBe(expected)
  })

  it('keeps the joiners of words and emojis in prose, and nothing else', () => {
    expect(printableProse('👩‍👩‍👧 می‌خواهم ❤️')).toBe('👩‍👩‍👧 می‌خواهم ❤️')
    expect(printableProse('a\tb\u202ec\u001b\u200bd')).toBe('a    b\\u202ec\\u001b\\u200bd')
  })

  it('leaves JSON the same JSON', () => {
    const value = { text: 'a\u202e\u009b\u{e0041}\u200b\u007f💬', 'k\u2066': [1] }
    const shown = printableJson(JSON.stringify(value, null, 2))
    expect(JSON.parse(shown)).toEqual(value)
    expect(shown).not.toMatch(/[\u202e\u009b\u200b\u007f\u2066]|\u{e0041}/u)
  })
})

describe('columns', () => {
  it.each([
    ['abc', 3],
    ['漢字', 4],
    ['💬', 2],
    ['👩‍👩‍👧', 2],
    ['👍🏽', 2],
    ['🇨🇴', 2],
    ['é', 1],
    ['한글', 4],
    ['', 0],
  ])('%j takes %i', (text, columns) => {
    expect(width(text)).toBe(columns)
    expect(width(pad(text, 10))).toBe(10)
    expect(width(pad(text, 10, 'right'))).toBe(10)
  })

  it('never cuts a letter in half', () => {
    expect(cut('漢字漢字', 8)).toBe('漢字漢字')
    expect(cut('漢字漢字', 6)).toBe('漢字…')
    expect(cut('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…')
    expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
    expect(wrap('漢'.repeat(5), 4)).toEqual(['漢漢', '漢漢', '漢'])
    expect(wrap('', 10)).toEqual([''])
    expect(wrap(`${'x'.repeat(12)} y`, 5)).toEqual(['xxxxx', 'xxxxx', 'xx y'])
  })
})

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1 kB'],
    [1_249, '1.2 kB'],
    [9_960, '10 kB'],
    [999_499, '999 kB'],
    [999_500, '1 MB'],
    [12_345_678_901, '12 GB'],
    [5e15, '5,000 TB'],
  ])('%i bytes are %s', (bytes, expected) => {
    expect(size(bytes)).toBe(expected)
  })

  it('tells times as people do', () => {
    expect([0.4, 59, 60, 3_599, 86_400, 364 * 86_400, 800 * 86_400].map(span)).toEqual([
      '0 s',
      '59 s',
      '1 min',
      '59 min',
      '1 d',
      '364 d',
      '2 y',
    ])
    expect(when(null)).toBe('-')
    expect(when(5_000, 5_100)).toBe('now')
    expect(when(5_000, 65_000)).toBe('1 min ago')
    expect(when(86_400_000 * 3, 0)).toBe('in 3 d')
  })

  it('shows how far something is, at which rate, and how long it takes', () => {
    const output = { columns: 80 } as never
    const bar = new Progress(output, undefined, 'copying', 300_000)
    bar.add(200_000)
    const text = bar.text(Date.now() + 20_000)
    expect(text).toMatch(/^copying {2}█+░+ {2}66 % {2}200,000 of 300,000 {2}· {2}(10,000|9,99\d)\/s {2}· {2}10 s left$/)
    expect(width(text)).toBeLessThan(80)
  })
})

describe('output', () => {
  it('goes on with all that wait for the reader, not with the last alone', { timeout: 60_000 }, async () => {
    let read = 0
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk, _encoding, done) {
        read += chunk.length
        setImmediate(done)
      },
    })
    const out = new Output(slow, {})
    // Longer than what is held back.
    const line = 'x'.repeat(100_000)
    await Promise.all([out.line(line), out.line(line), out.line(line)])
    expect(read).toBe(3 * 100_001)
  })

  it('is no success if a command stops waiting for something that never comes', async () => {
    const main = require.resolve('../cli/main.js')
    const ls = require.resolve('../cli/commands/ls.js')
    const script = `require(${JSON.stringify(ls)}).run = () => new Promise(() => {}); require(${JSON.stringify(main)})`
    const child = spawn(process.execPath, ['-e', script, main, 'ls', 'x'], { stdio: 'ignore' })
    expect(await once(child, 'exit')).toEqual([1, null])
  })
})
