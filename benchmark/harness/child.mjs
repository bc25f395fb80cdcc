// Runs a script of `measure/` in a process of its own, on a place of its own, and returns what it sends.
import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { startRedis } from './redis-server.mjs'

/** Longer than any measurement takes, also on a slow disk. */
const TIMEOUT_MS = 600_000

/**
 * @param {string} name
 * @param {object} task becomes the script's argument, with its `directory` and its `redisPort`
 * @param {{ root: string, redis: boolean }} place
 * @returns {Promise<any>}
 */
export async function runChild(name, task, { root, redis }) {
  const parent = mkdtempSync(join(root, 'place-'))
  const directory = join(parent, 'states')
  mkdirSync(directory)
  const server = redis ? await startRedis(join(parent, 'redis')) : undefined
  try {
    const script = fileURLToPath(new URL(`../measure/${name}.mjs`, import.meta.url))
    return await resultOf(script, { ...task, directory, redisPort: server?.port })
  } finally {
    await server?.stop()
    rmSync(parent, { recursive: true, force: true })
  }
}

function resultOf(script, task) {
  const { NODE_OPTIONS: _, ...inherited } = process.env
  const env = { ...inherited, NODE_ENV: 'production', NODE_NO_WARNINGS: '1' }
  const child = fork(script, [JSON.stringify(task)], { env, execArgv: ['--expose-gc'] })
  const kill = () => child.kill('SIGKILL')
  process.prependOnceListener('exit', kill)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(kill, TIMEOUT_MS)
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
