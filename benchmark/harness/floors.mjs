// What the results are to be read against, measured in the same run.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { runChild } from './child.mjs'
import { startRedis } from './redis-server.mjs'

const FLOORS = fileURLToPath(new URL('../measure/floors.mjs', import.meta.url))

/**
 * @param {import('./options.mjs').Options} options
 * @param {string} root
 * @param {boolean} redis
 */
export async function measureFloors({ sizes, concurrency, text, quick, adapters }, root, redis) {
  const directory = mkdtempSync(join(root, 'floors-'))
  try {
    const duration = quick ? 50 : 300
    mkdirSync(join(directory, 'place'))
    const task = { directory: join(directory, 'place'), sizes, concurrency, text, duration }
    const floors = await runChild(FLOORS, task)
    const server = redis && adapters.includes('redis')
    return { ...floors, redis: server ? await measureRedis(sizes, concurrency, quick, directory) : [] }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What `redis-benchmark`, a program in C without anything to convert, reaches with payloads of the same size. */
async function measureRedis(sizes, concurrency, quick, directory) {
  const server = await startRedis(join(directory, 'redis'))
  try {
    const rows = []
    for (const size of sizes) {
      for (const chains of concurrency) {
        const requests = Math.max(200, Math.min(quick ? 5000 : 50_000, Math.floor((256 * 1024 * 1024) / size)))
        const args = ['-h', '127.0.0.1', '-p', server.port, '-c', chains, '-d', size, '-n', requests, '-r', 1000]
        const { stdout, status } = spawnSync('redis-benchmark', [...args.map(String), '-t', 'set,get', '--csv'], {
          encoding: 'utf8',
        })
        if (status !== 0) return []
        const rate = (test) => Number(new RegExp(`^"${test}","([\\d.]+)"`, 'm').exec(stdout)?.[1])
        rows.push({ size, chains, set: rate('SET'), get: rate('GET') })
      }
    }
    return rows
  } finally {
    await server.stop()
  }
}
