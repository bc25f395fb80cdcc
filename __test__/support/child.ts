import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { LONG } from './waiting.js'

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

/** The program that a script runs on. */
export interface Runtime {
  /** The command line of a Node.js; by default the running one. */
  node?: string
  /** All of its environment; by default that of this process. */
  env?: NodeJS.ProcessEnv
}

interface Options extends Runtime {
  /** By default what a busy machine may need. */
  timeout?: number
  /** The user that it runs as; by default that of this process. */
  uid?: number | undefined
}

/** Starts a script. One that does not end within `timeout` ms is killed, so `signal` is `SIGKILL`: an adapter kept it alive. */
export function startChild(script: string, argument: unknown, options: Options = {}): Child {
  const { node = process.execPath, env = process.env, timeout = LONG, uid } = options
  const path = fileURLToPath(new URL(`../children/${script}`, import.meta.url))
  const child = spawn(node, [path, JSON.stringify(argument)], {
    env,
    ...(uid === undefined ? {} : { uid, gid: uid }),
    stdio: ['ignore', 'pipe', 'pipe'],
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
export function runChild(script: string, argument: unknown, options?: Options): Promise<Ending> {
  return startChild(script, argument, options).ending
}
