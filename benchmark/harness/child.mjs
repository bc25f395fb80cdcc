// Runs a script in a process of its own and answers what it sends.
import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { findSubject, VARIANTS } from '../subjects/index.mjs'
import { startRedis } from './redis-server.mjs'

const MEASUREMENT = fileURLToPath(new URL('../measure/measurement.mjs', import.meta.url))
/** Nothing that is measured takes as long, also on a slow disk. */
const PATIENCE_MS = 600_000

/**
 * @param {string} script
 * @param {object} task becomes the script's argument
 * @param {{ execArgv?: string[], environment?: Record<string, string>, patience?: number }} [options]
 * @returns {Promise<any>}
 */
export function runChild(script, task, { execArgv = [], environment = {}, patience = PATIENCE_MS } = {}) {
  const { NODE_OPTIONS: _, ...inherited } = process.env
  const env = { ...inherited, NODE_ENV: 'production', NODE_NO_WARNINGS: '1', ...environment }
  const child = fork(script, [JSON.stringify(task)], { env, execArgv: ['--expose-gc', ...execArgv] })
  const kill = () => child.kill('SIGKILL')
  process.prependOnceListener('exit', kill)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(kill, patience)
    let result
    child.on('message', (message) => {
      result = message
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      process.removeListener('exit', kill)
      if (code === 0 && result !== undefined) resolve(result)
      else reject(new Error(`a measurement ended with ${code ?? signal}: ${JSON.stringify(task)}`))
    })
  })
}

/**
 * One measurement of a subject: an empty directory, a server of its own where it needs one, a fresh process.
 *
 * @param {import('./plan.mjs').Task} task
 * @param {string} root
 */
export async function measureOnce(task, root) {
  const { environment, mode } = findSubject(task.variant, task.subject)
  const directory = mkdtempSync(join(root, 'measurement-'))
  const server = VARIANTS[task.variant].adapter === 'redis' ? await startRedis(join(directory, 'redis')) : undefined
  try {
    mkdirSync(join(directory, 'place'))
    const own = { ...task, directory: join(directory, 'place'), redisPort: server?.port }
    const result = await runChild(MEASUREMENT, own, { environment })
    if (mode !== undefined && result.mode !== mode) {
      throw new Error(`${task.subject} is to be measured in the mode ${mode} and was in ${result.mode}`)
    }
    return result
  } finally {
    await server?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
