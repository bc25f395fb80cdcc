// The transcripts in docs/command-line.md are what the commands print, on a terminal of 80 columns and in a pipe.
// FLOWKIT_WRITE=1 writes them anew.
import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { FileStorage } from '../index.js'
import { NO_TERMINAL, settledScreen, shell, terminal } from './support/cli.js'
import { temporaryDirectory } from './support/subjects.js'

const PAGE = fileURLToPath(new URL('../docs/command-line.md', import.meta.url))
const BLOCK = /^```console (terminal|pipe)\n([\s\S]*?)^```$/gm
const HOUR = 3_600

/** When the conversations were made, and when the page says that everything happened. In ms since 1970. */
const MADE = 1_790_000_000_000
const SHOWN = 1_796_000_000_000

/** Who wrote, how many hours ago, at which step, and what. The last id is one of an attacker's. */
const CONVERSATIONS: [id: string, hours: number, step: string, ended: boolean, said: string[]][] = [
  [
    'whatsapp:+573001112233',
    5,
    'ask_date',
    false,
    [
      'Hola! I would like to book a table for four, outside if that is possible, and one of us comes in a wheelchair.',
      'Of course 🙂 For which day?',
      'This Friday',
    ],
  ],
  ['telegram:4242', 3 * 24, 'goodbye', true, ['Is the order 1187 on its way?', 'It arrives today.', 'Thanks! 谢谢']],
  ['web:ana', 130 * 24, 'goodbye', true, ['Hello?']],
  ['web:ben', 200 * 24, 'ask_name', false, ['hi', 'Hi! What is your name?']],
  ['web:\u001b[2J', 2 * 24, 'ask_name', false, ['<script>alert(1)</script>']],
]

async function makeStore() {
  // A directory of its own around it: commands are beside it.
  const cwd = join(await temporaryDirectory(), 'work')
  await mkdir(join(cwd, 'data'), { recursive: true, mode: 0o700 })
  const storage = new FileStorage({ dir: join(cwd, 'data') })
  for (const [conversationId, , currentStep, ended, said] of CONVERSATIONS) {
    const history = said.map((content, at) => ({
      role: at % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content,
    }))
    const slots = { guests: 4, name: 'Ana', _visits: 2 }
    await storage.save({
      conversationId,
      currentStep,
      slots,
      history,
      ended,
      createdAt: MADE,
      updatedAt: MADE,
    })
  }
  await storage.close()
  const now = Date.now() / 1_000
  for (const [id, hours] of CONVERSATIONS) {
    const name = encodeURIComponent(id).replace('%2B', '+')
    utimesSync(join(cwd, 'data', `${name}.json`), now - hours * HOUR - 60, now - hours * HOUR - 60)
  }
  return cwd
}

/** Runs the commands of a block one after another. Returns it with what they print. */
async function transcript(kind: string, text: string, cwd: string): Promise<string> {
  let shown = ''
  for (const [, line = ''] of text.matchAll(/^\$ (.*)$/gm)) {
    shown += `$ ${line}\n${kind === 'pipe' ? await inPipe(line, cwd) : await onTerminal(line, cwd)}`
  }
  return shown
}

async function inPipe(line: string, cwd: string): Promise<string> {
  const { stdout, stderr } = await shell(`{ ${line}; } 2>&1`, { cwd })
  expect(stderr, line).toBe('')
  return withLineEnd(atOneTime(stdout))
}

async function onTerminal(line: string, cwd: string): Promise<string> {
  const { screen } = await terminal(line, { cwd, env: { NO_COLOR: '1' }, prompt: '[y/N]', keys: 'y\r' })
  return withLineEnd(settledScreen(screen))
}

/** Returns the text as if it were always the same time, to the minute. */
function atOneTime(text: string): string {
  const now = Date.now()
  return text.replace(/"updatedAt":(\d+)/g, (whole, time) =>
    Number(time) === MADE
      ? whole
      : `"updatedAt":${SHOWN - Math.floor((now - Number(time)) / HOUR / 1_000) * HOUR * 1_000}`,
  )
}

function withLineEnd(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

describe.skipIf(NO_TERMINAL !== undefined)('docs/command-line.md', () => {
  const page = readFileSync(PAGE, 'utf8')
  const blocks = [...page.matchAll(BLOCK)].map(([, kind = '', text = '']) => ({ kind, text }))

  it('has what each command prints', async () => {
    const cwd = await makeStore()
    const results: string[] = []
    for (const { kind, text } of blocks) results.push(await transcript(kind, text, cwd))
    if (process.env.FLOWKIT_WRITE === '1') {
      writeFileSync(
        PAGE,
        page.replace(BLOCK, (_whole, kind) => `\`\`\`console ${kind}\n${results.shift()}\`\`\``),
      )
      return
    }
    expect(results).toEqual(blocks.map(({ text }) => text))
  })

  it.each(['terminal', 'pipe'])('has every command on a %s', (kind) => {
    const shown = blocks
      .filter((block) => block.kind === kind)
      .map(({ text }) => text)
      .join('')
    for (const name of [
      'ls',
      'show',
      'stats',
      'copy',
      'check',
      'export',
      'import',
      'prune',
      'rm',
      'doctor',
      'compact',
    ]) {
      expect(shown).toMatch(new RegExp(`^\\$ .*\\bflowkit-storage ${name} `, 'm'))
    }
  })

  it('has no line on the terminal that is wider than that, and no path of a machine', () => {
    for (const { kind, text } of blocks) {
      expect(text).not.toMatch(/\/tmp\/|\/root|\/home/)
      const printed = text.split('\n').filter((line) => !line.startsWith('$ '))
      if (kind === 'terminal') for (const line of printed) expect(line.length, line).toBeLessThanOrEqual(80)
    }
  })
})
