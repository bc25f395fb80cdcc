// Runs the programs of the rows.
import { spawn } from 'node:child_process'

/** Longer than any step takes on a slow machine: to install Next.js, or to build with it. */
const TIMEOUT_MS = 300_000

/**
 * Runs a program to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions & { timeout?: number }} [options]
 * @returns {Promise<{ code: number | null, output: string, errors: string }>} `code` is `null` if it was ended by a signal
 */
export function runToEnd(command, args, { timeout = TIMEOUT_MS, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout)
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text
    })
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      process.off('exit', kill)
      resolve({ code, output, errors })
    })
  })
}

/** Runs a program that must succeed. Throws with what it printed. */
export async function runQuietly(command, args, options) {
  const { code, output, errors } = await runToEnd(command, args, options)
  if (code === 0) return { output, errors }
  const said = `${output}\n${errors}`.trim().split('\n').slice(-15).join('\n')
  throw new Error(`${[command, ...args].join(' ')} ended with ${code ?? 'a signal'}:\n${said}`)
}
