import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A running script of `__test__/children/`, with one JSON argument. */
export interface Child {
  process: ChildProcess
  /** Resolves with the next line that it prints. */
  line(): Promise<string>
  ending: Promise<Ending>
}

/** Starts a script, with `env` in addition to this environment. One that does not end within `timeout` ms is killed, so `signal` is `SIGKILL`: an adapter kept it alive. */
export function startChild(script: string, argument: unknown, { timeout = 60_000, env = {} } = {}): Child {
  const path = fileURLToPath(new URL(`../children/${script}`, import.meta.url))
  const child = spawn(process.execPath, [path, JSON.stringify(argument)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout)
  let stdout = ''
  let stderr = ''
  let taken = 0
  let waiting: (() => void) | undefined
  child.stdout.on('data', (chunk) => {
    stdout += chunk
    waiting?.()
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const ending = new Promise<Ending>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout, stderr })
      waiting?.()
    })
  })
  const line = async () => {
    for (;;) {
      const end = stdout.indexOf('\n', taken)
      if (end !== -1) {
        const text = stdout.slice(taken, end)
        taken = end + 1
        return text
      }
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`no more lines; stderr: ${stderr}`)
      await new Promise<void>((resolve) => {
        waiting = resolve
      })
    }
  }
  return { process: child, line, ending }
}

/** Runs a script to its end. */
export function runChild(
  script: string,
  argument: unknown,
  options?: { timeout?: number; env?: Record<string, string> },
): Promise<Ending> {
  return startChild(script, argument, options).ending
}
