import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

/** How a command ended, and what it wrote. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

interface Given {
  cwd?: string
  /** What stands on its standard input. */
  input?: string
  env?: Record<string, string>
}

/** Runs the command line in pipes. */
export function cli(args: string[], { cwd, input = '', env = {} }: Given = {}): Promise<Ended> {
  return program(process.execPath, [MAIN, ...args], { cwd, input, env })
}

/** Runs a shell's command line, in which `flowkit-storage` is the program. */
export function shell(line: string, { cwd, env = {} }: Given & { cwd: string }): Promise<Ended> {
  return program('sh', ['-c', line], { cwd, input: '', env: { ...withCommand(), ...env } })
}

let bin: string | undefined

/** Returns an environment that finds `flowkit-storage`. */
function withCommand(): Record<string, string> {
  if (bin === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'flowkit-bin-'))
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
    symlinkSync(MAIN, join(made, 'flowkit-storage'))
    bin = made
  }
  return { PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}` }
}

function program(file: string, args: string[], given: { cwd: string | undefined } & Required<Omit<Given, 'cwd'>>) {
  const { cwd, input, env } = given
  return new Promise<Ended>((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env } })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
    // A command that reads nothing may have ended.
    child.stdin.on('error', () => {}).end(input)
  })
}

/** Why there is no terminal to test on; `undefined` if there is one. */
export const NO_TERMINAL =
  process.platform === 'linux' && spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
    ? undefined
    : 'script of util-linux is not there'

/**
 * Runs a shell's command line on a terminal of 80 columns. Resolves to its exit code and all that came to the screen.
 *
 * @param keys what is typed once `prompt` is on the screen
 */
export function terminal(
  line: string,
  { cwd, env = {}, prompt, keys }: Given & { cwd: string; prompt?: string; keys?: string },
) {
  const inside = `stty cols 80 rows 40 -echo; ${line}`
  const child = spawn('script', ['-qec', inside, '/dev/null'], {
    cwd,
    env: { ...process.env, ...withCommand(), TERM: 'xterm-256color', ...env },
  })
  return new Promise<{ code: number | null; screen: string }>((resolve, reject) => {
    let screen = ''
    let isTyped = false
    child.stdout.setEncoding('utf8').on('data', (text) => {
      screen += text
      if (isTyped || prompt === undefined || !screen.includes(prompt)) return
      isTyped = true
      child.stdin.write(keys ?? '')
    })
    child.once('error', reject)
    // The terminal makes \r\n of \n, also of the one in \r\n that readline writes after a question.
    child.once('close', (code) => resolve({ code, screen: screen.replace(/\r+\n/g, '\n') }))
  })
}

/** Returns what stays on a screen: without colours, what `readline` moves, and pictures of a progress bar that were taken away. */
export function settledScreen(screen: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken away.
  return screen.replace(/\r[^\r\n]*\u001b\[K/g, '').replace(/\u001b\[(?:[\d;]*m|\d*[GJ])/g, '')
}
