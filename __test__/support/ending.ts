import { spawn } from 'node:child_process'
import { pathToFileURL } from 'node:url'

import { ENVIRONMENT } from './tools.js'
import { LONG } from './waiting.js'

/** How long a process may live on after its last promise, in ms, or as long as it took until then if that is longer. */
const PATIENCE = 5000

/** Limits of runners, which a busy machine would exceed: 5 s for a test, 1 s and 10 s for the end. */
export const PATIENT_JEST = ['--testTimeout=60000', `--openHandlesTimeout=${PATIENCE}`]
export const PATIENT_VITEST = ['--testTimeout=60000', '--hookTimeout=60000', '--teardownTimeout=60000']

/** The report that a project prints, as JSON on a line of its own, once its last promise has settled. */
interface Line {
  /** The classes of the adapters that kept the state. */
  kept: string[]
  /** The version that it ran on. */
  node: string
  /** Where it found the package. */
  from: string
  /** When its last promise settled, in ms since 1970. */
  settled: number
}

export interface Run {
  code: number | null
  /** Everything printed, on both streams. */
  output: string
  lines: Line[]
  /** From the last promise to the end of the process, in ms. */
  afterwards: number
  /** How long that may be. */
  patience: number
}

/**
 * Runs a program of a project until it ends. One that lives on after its last promise is killed, and its code
 * is `null`.
 */
export function runToEnd(project: string, command: string, args: string[]): Promise<Run> {
  const child = spawn(command, args, { cwd: project, env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = () => child.kill('SIGKILL')
  const start = Date.now()
  const patience = () => Math.max(PATIENCE, Date.now() - start)
  let timer = setTimeout(kill, LONG)
  let output = ''
  let seen = 0
  const read = (chunk: Buffer) => {
    output += chunk
    const count = linesOf(output).length
    if (count === seen) return
    seen = count
    clearTimeout(timer)
    timer = setTimeout(kill, patience())
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  let ended = 0
  child.on('exit', () => {
    ended = Date.now()
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      const lines = linesOf(output)
      const settled = Math.max(0, ...lines.map((line) => line.settled))
      resolve({ code, output, lines, afterwards: ended - settled, patience: Math.max(PATIENCE, settled - start) })
    })
  })
}

function linesOf(output: string): Line[] {
  // A runner may colour the line, or put something in front of it.
  return [...output.matchAll(/\{"kept":.*"settled":\d+\}/g)].map(([text]) => JSON.parse(text))
}

/** Returns what is wrong with a run that should have kept `kept` in as many processes or test files as `times`. */
export function faults(run: Run, project: string, kept: string[], times = 1): string[] {
  const found: string[] = []
  if (run.code !== 0) found.push(`it ended with ${run.code ?? 'a kill: something kept it alive'}`)
  if (run.lines.length !== times) found.push(`it printed ${run.lines.length} lines, not ${times}`)
  for (const line of run.lines) {
    if (line.kept.join() !== kept.join()) found.push(`it kept ${line.kept.join()}, not ${kept.join()}`)
    if (!line.from.startsWith(`${pathToFileURL(project)}/node_modules/`)) found.push(`it found ${line.from}`)
  }
  if (run.afterwards > run.patience) found.push(`it ended ${run.afterwards} ms after its last promise`)
  if (/warning/i.test(run.output)) found.push('it warned')
  return found.length === 0 ? [] : [...found, run.output]
}
