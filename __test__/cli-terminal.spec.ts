// The command line on a terminal of 80 columns: a pseudo terminal, as `script` of util-linux makes one.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { FileStorage } from '../index.js'
import { NO_TERMINAL, settledScreen, shell, terminal } from './support/cli.js'
import { state } from './support/cli-stores.js'
import { temporaryDirectory } from './support/subjects.js'

const LONG = 'The quick brown fox jumps over the lazy dog, again and again, until the line is too long. '.repeat(3)

/** What moves the cursor, sets a title, or changes the direction. SGR and the progress bar are taken away before. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there.
const HARMFUL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/

async function makeStore(ids: string[] = ['ana', 'ben']) {
  // A directory of its own around it: commands are beside it.
  const cwd = join(await temporaryDirectory(), 'work')
  await mkdir(join(cwd, 'data'), { recursive: true, mode: 0o700 })
  const storage = new FileStorage({ dir: join(cwd, 'data'), durable: false })
  await Promise.all(ids.map((id) => storage.save(state(id))))
  await storage.close()
  return { cwd, storage: () => new FileStorage({ dir: join(cwd, 'data') }) }
}

describe.skipIf(NO_TERMINAL !== undefined)('the command line on a terminal', () => {
  it('has colours, which NO_COLOR and a pipe take away', async () => {
    const { cwd } = await makeStore()
    const colours = await terminal('flowkit-storage show data ana', { cwd })
    expect(colours.screen).toContain('\u001b[36muser')
    const plain = await terminal('flowkit-storage show data ana', { cwd, env: { NO_COLOR: '1' } })
    expect(settledScreen(plain.screen)).toBe(plain.screen)
    expect(plain.screen).not.toContain('\u001b')
    const dumb = await terminal('flowkit-storage show data ana', { cwd, env: { TERM: 'dumb' } })
    expect(dumb.screen).not.toContain('\u001b')
    expect((await shell('flowkit-storage show data ana', { cwd })).stdout).not.toContain('\u001b')
  })

  it('wraps what people said at 80 columns, wide letters counted as two, and a pipe has whole lines', async () => {
    const { cwd, storage } = await makeStore()
    const said = [LONG, '漢字'.repeat(60), '👩‍👩‍👧 👍🏽 '.repeat(30), 'x'.repeat(200)]
    const history = said.map((content) => ({ role: 'user' as const, content }))
    await storage().save({ ...state('long'), history, slots: { notes: LONG } })
    const { screen } = await terminal('flowkit-storage show data long', { cwd, env: { NO_COLOR: '1' } })
    const columns = (line: string) =>
      [...new Intl.Segmenter('en').segment(line)].reduce(
        (sum, { segment }) => sum + (/^[\p{Emoji_Presentation}\u4e00-\u9fff]/u.test(segment) ? 2 : 1),
        0,
      )
    expect(Math.max(...screen.split('\n').map(columns))).toBeGreaterThan(75)
    for (const line of screen.split('\n')) expect(columns(line), line).toBeLessThanOrEqual(80)
    expect(screen.replace(/\n {11}/g, '')).toContain('漢字'.repeat(60))
    expect(screen).toContain('👩‍👩‍👧 👍🏽')
    const { stdout } = await shell('flowkit-storage show data long', { cwd })
    for (const text of said) expect(stdout).toContain(text.trim())
  })

  it('is not moved by hostile ids and texts, whatever is shown of them', async () => {
    const hostile = 'a\u001b[2J\u001b]0;title\u0007\r\u009b1;1H\u202ereversed\u2066\b'
    const { cwd, storage } = await makeStore([hostile])
    await storage().save({
      ...state('texts'),
      currentStep: hostile,
      slots: { [hostile]: hostile, list: [hostile] },
      history: [{ role: hostile as 'user', content: `${hostile}\nnext\r\nlast` }],
    })
    await writeFile(join(cwd, 'data', 'corrupt\u001b[2J.json'), '{')
    const lines = [
      'ls data',
      'ls data --ids',
      'ls data --json',
      'stats data',
      'stats data --json',
      'doctor data',
      'doctor data --json',
      'show data texts',
      'show data texts --json',
      "show data $'no\\033[2Jne'",
      "rm data --yes $'no\\033[2Jne'",
      "$'x\\033[2J' data",
      "ls $'no\\033[2J/dir'",
    ]
    for (const line of lines) {
      const { screen } = await terminal(`bash -c ${quoted(`flowkit-storage ${line}`)}`, { cwd })
      expect(settledScreen(screen), line).not.toMatch(HARMFUL)
      expect(screen.length, line).toBeGreaterThan(10)
    }
    const { screen } = await terminal('flowkit-storage show data texts --json', { cwd })
    expect(JSON.parse(screen)).toMatchObject({ currentStep: hostile, slots: { list: [hostile] } })
  })

  it('asks before it deletes, also if its data goes into a pipe', async () => {
    const { cwd } = await makeStore()
    const prompt = 'Delete conversation "ana" from data? [y/N]'
    const no = await terminal('flowkit-storage rm data ana', { cwd, prompt, keys: 'n\r' })
    expect(no.code).toBe(1)
    expect(no.screen).toContain('Nothing was done.')
    const yes = await terminal('flowkit-storage rm data ana | cat; exit', { cwd, prompt, keys: 'y\r' })
    expect(yes.screen).toContain('1 conversation deleted.')
    const prune = 'flowkit-storage prune data --older-than 0s'
    const all = await terminal(prune, { cwd, prompt: 'Delete 1 conversation from data? [y/N]', keys: 'yes\r' })
    expect(all).toMatchObject({ code: 0, screen: expect.stringContaining('1 conversation deleted, 0 kept.') })
    // Nothing to delete is nothing to ask.
    expect((await terminal(prune, { cwd })).screen).toBe('0 conversations deleted, 0 kept.\n')
  })

  it.each([
    ['Ctrl+C', '\u0003', 130, 'Interrupted.'],
    ['Ctrl+D', '\u0004', 1, 'Nothing was done.'],
  ])('takes %s for a no', async (_key, keys, code, message) => {
    const { cwd } = await makeStore()
    const ended = await terminal('flowkit-storage rm data ana', { cwd, prompt: '[y/N]', keys })
    expect(ended.code).toBe(code)
    expect(ended.screen).toContain(message)
    expect((await shell('flowkit-storage ls data --ids', { cwd })).stdout).toBe('ana\nben\n')
  })

  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what takes the bar away.
  const BAR = /\rreading {2}[\d,]+ {2}· {2}[\d,]+\/s\u001b\[K/

  it('draws progress only there, and takes it away at the end', async () => {
    const { cwd } = await makeStore(Array.from({ length: 3_000 }, (_, at) => `c-${at}`))
    const { screen } = await terminal('flowkit-storage stats data', { cwd, env: { NO_COLOR: '1' } })
    expect(screen).toMatch(BAR)
    expect(settledScreen(screen)).toMatch(/^conversations {2}3,000\n/)
    const { stdout, stderr } = await shell('flowkit-storage stats data', { cwd })
    expect(stderr).toBe('')
    expect(stdout).toContain('conversations  3,000\n')
  })
})

/** Returns a word for `sh`. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
