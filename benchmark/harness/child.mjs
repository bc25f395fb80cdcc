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
 * @param {{ root: string, redis: boolean }} where
 * @returns {Promise<any>}
 */
export async function runChild(name, task, where) {
  const place = await makePlace(where)
  try {
    return await resultOf(scriptOf(name), { ...task, ...place.given })
  } finally {
    await place.remove()
  }
}

/**
 * Starts a script that measures whenever it is asked to, so that several take turns without a warm-up each.
 *
 * @param {string} name
 * @param {object} task as for `runChild`
 * @param {{ root: string, redis: boolean, node?: string }} where `node` is another Node.js that runs it
 */
export async function startChild(name, task, where) {
  const place = await makePlace(where)
  const child = forkScript(scriptOf(name), { ...task, ...place.given }, where.node)
  const kill = () => child.kill('SIGKILL')
  process.prependOnceListener('exit', kill)
  const next = () =>
    new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', (code) => reject(new Error(`a measurement ended with ${code}: ${JSON.stringify(task)}`)))
    })
  await next()
  return {
    /** Returns the figures of one round. */
    async measure() {
      const figures = next()
      child.send('measure')
      return await figures
    },
    async stop() {
      process.removeListener('exit', kill)
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.disconnect()
      await ended
      await place.remove()
    },
  }
}

/** Makes an empty directory and, if it is asked for, a redis-server. */
async function makePlace({ root, redis }) {
  const parent = mkdtempSync(join(root, 'place-'))
  const directory = join(parent, 'states')
  mkdirSync(directory)
  const server = redis ? await startRedis(join(parent, 'redis')) : undefined
  const remove = async () => {
    await server?.stop()
    rmSync(parent, { recursive: true, force: true })
  }
  return { given: { directory, redisPort: server?.port }, remove }
}

const scriptOf = (name) => fileURLToPath(new URL(`../measure/${name}.mjs`, import.meta.url))

function forkScript(script, task, execPath = process.execPath) {
  const { NODE_OPTIONS: _, ...inherited } = process.env
  const env = { ...inherited, NODE_ENV: 'production', NODE_NO_WARNINGS: '1' }
  return fork(script, [JSON.stringify(task)], { env, execPath, execArgv: ['--expose-gc'] })
}

function resultOf(script, task) {
  const child = forkScript(script, task)
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
