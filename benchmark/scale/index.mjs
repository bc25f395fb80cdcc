// `--only scale`: what becomes of the costs where there is much of everything. Takes long.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { runChild } from '../harness/child.mjs'
import { startRedis } from '../harness/redis-server.mjs'
import { VARIANTS } from '../subjects/index.mjs'
import { drawScaleCharts } from './charts.mjs'
import { renderScale } from './markdown.mjs'

const script = (name) => fileURLToPath(new URL(name, import.meta.url))
/** Filling a file of gigabytes on a slow disk. */
const PATIENCE_MS = 3_600_000
const SQLITE_STATE = 20_480
const FILE_STATE = 2048
/** What `Map` and `structuredClone` need for a conversation of 2 KB, and then some. */
const BYTES_EACH = 9000
const MIB = 1024 * 1024

/** @param {import('../harness/tables.mjs').Run} run */
export async function measureScale({ options, environment, root, redis, leftOut }) {
  const { scaleTo, text } = options
  const { conversations, files, gigabytes, turns } = scaleTo
  const step = (what) => console.log(what)

  const memory = { conversations: limited(conversations, leftOut) }
  for (const [name, subject] of [
    ['map', 'map'],
    ['ours', 'memory'],
  ]) {
    step(`memory: ${memory.conversations} conversations, ${subject}`)
    const heap = Math.ceil((memory.conversations * BYTES_EACH) / MIB) + 1024
    const execArgv = [`--max-old-space-size=${heap}`]
    const task = { subject, conversations: memory.conversations, text }
    memory[name] = await runChild(script('memory.mjs'), task, { execArgv, patience: PATIENCE_MS })
  }

  const filled = async (variant, subject, rest) => {
    step(`${variant}: ${subject}`)
    return inDirectory(root, (directory) =>
      runChild(script('steps.mjs'), { variant, subject, directory, text, ...rest }, { patience: PATIENCE_MS }),
    )
  }
  const directories = {}
  for (const subject of ['fs', 'file']) {
    directories[subject] = await filled('file-fast', subject, { size: FILE_STATE, steps: files, samples: 500 })
  }
  const rows = Math.ceil((gigabytes * 2 ** 30) / SQLITE_STATE)
  const steps = [0.02, 0.2, 0.5, 1].map((share) => Math.max(10, Math.ceil(rows * share)))
  const database = {}
  for (const subject of ['upsert', 'db', 'path']) {
    database[subject] = await filled('sqlite-wal-full', subject, { size: SQLITE_STATE, steps, samples: 500 })
  }

  const growing = {}
  for (const [variant, subjects] of growingSubjects(redis)) {
    for (const subject of subjects) {
      step(`a conversation of ${turns} turns: ${variant} ${subject}`)
      growing[`${variant} ${subject}`] = await inDirectory(root, async (directory) => {
        const server = variant === 'redis' ? await startRedis(join(directory, 'redis')) : undefined
        try {
          const task = { variant, subject, directory, redisPort: server?.port, turns, text }
          return await runChild(script('conversation.mjs'), task, { patience: PATIENCE_MS })
        } finally {
          await server?.stop()
        }
      })
    }
  }
  const data = { environment, leftOut, memory, directories, database, growing, state: SQLITE_STATE }
  const charts = drawScaleCharts(data)
  return { file: 'SCALE.md', markdown: renderScale(data, options, charts), charts, data }
}

/** The reference and ours. */
function growingSubjects(redis) {
  return Object.entries(VARIANTS)
    .filter(([variant]) => redis || variant !== 'redis')
    .map(([variant, { reference, subjects }]) => {
      const ours = Object.keys(subjects).filter((name) => subjects[name].ours && (subjects[name].available?.() ?? true))
      return /** @type {[string, string[]]} */ ([variant, [reference, ...ours]])
    })
}

/** No more than this machine's memory holds. */
function limited(conversations, leftOut) {
  const most = Math.floor((os.freemem() * 0.8) / BYTES_EACH)
  if (conversations <= most) return conversations
  leftOut.push(`${conversations - most} of ${conversations} conversations in memory; there is not enough of it.`)
  return most
}

async function inDirectory(root, work) {
  const directory = mkdtempSync(join(root, 'scale-'))
  try {
    mkdirSync(join(directory, 'place'))
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
