import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { MemoryStorage } from '../../index.js'
import { type Child, startChild } from './child.js'
import type { Place } from './open.mjs'
import { temporaryDirectory } from './subjects.js'
import type { Deed } from './turn-history.js'
import { sleep } from './waiting.js'

const PROCESSES = 4

/** How long the processes stay at one conversation, in ms. */
const STAY = 2_500

export interface Crowd {
  place: Place
  lease: number
  /** ms */
  duration: number
  /** Breaks the connections of the place. */
  disturb?: (() => void) | undefined
}

/** What processes did, the entries of each conversation in the end, and counts for a report. */
export interface Report {
  deeds: Deed[]
  stored: Map<string, string[]>
  counts: Record<string, number>
  /** What no process should have said. */
  noise: string[]
}

/** The clock of all processes of a machine, in ms. */
const now = () => Number(process.hrtime.bigint() / 1_000n) / 1_000

/**
 * Has processes append to conversations, one conversation after another, while some of them are killed and stopped. Beside them each
 * conversation is saved or deleted once without a lock, and connections break if `disturb` is given.
 */
export async function runCrowd(
  storage: MemoryStorage,
  { place, lease, duration, disturb }: Crowd,
  limit: number,
): Promise<Report> {
  const stop = join(await temporaryDirectory(), 'stop')
  const zero = now()
  const count = { killed: 0, stopped: 0, disturbed: 0 }
  let number = 0
  const start = () => {
    const argument = { act: 'append', place, name: `p${number++}`, lease, stop, zero, stay: STAY }
    return startChild('turn-taker.mjs', argument, { timeout: limit })
  }
  const running = Array.from({ length: PROCESSES }, start)
  const endings = running.map(({ ending }) => ending)
  await Promise.all(running.map((child) => child.line()))
  const deeds: Deed[] = []
  // From here: a busy machine may take longer to start them.
  const end = now() + duration
  const beside = writeBeside(storage, deeds, zero, end)
  while (now() < end) {
    await sleep(100 + Math.random() * 300)
    const index = Math.floor(Math.random() * PROCESSES)
    const child = running[index] as Child
    const dice = Math.random()
    if (disturb && dice < 0.3) {
      disturb()
      count.disturbed++
    } else if (dice < 0.65) {
      child.process.kill('SIGSTOP')
      await sleep(lease * (0.5 + Math.random()))
      child.process.kill('SIGCONT')
      count.stopped++
    } else {
      child.process.kill('SIGKILL')
      running[index] = start()
      endings.push(running[index].ending)
      await running[index].line()
      count.killed++
    }
  }
  await writeFile(stop, '')
  const noise: string[] = []
  for (const { stdout, stderr } of await Promise.all(endings)) {
    if (stderr !== '') noise.push(stderr)
    noise.push(...stdout.split('\n').filter((line) => line.startsWith('failed ')))
    deeds.push(...deedsOf(stdout))
  }
  await beside
  const stored = new Map<string, string[]>()
  for (const id of new Set(deeds.map((deed) => deed.id))) {
    const state = (await storage.load(id)) as unknown as { entries: string[] } | null
    stored.set(id, state?.entries ?? [])
  }
  return { deeds, stored, noise, counts: { ...count, ...countOutcomes(deeds), conversations: stored.size } }
}

/** Saves or deletes each conversation once, without a lock. */
async function writeBeside(storage: MemoryStorage, deeds: Deed[], zero: number, end: number): Promise<void> {
  for (let number = 0; zero + (number + 1) * STAY <= end; number++) {
    await sleep(Math.max(0, zero + (number + 0.2 + Math.random() * 0.6) * STAY - now()))
    const id = `u${number}`
    const deed: Deed = { id, isPlain: true, began: now() }
    deeds.push(deed)
    if (Math.random() < 0.5) {
      deed.entry = `plain:${number}`
      await outcomeOf(deed, storage.save({ conversationId: id, entries: [deed.entry] } as never))
    } else await outcomeOf(deed, storage.delete(id))
  }
}

async function outcomeOf(deed: Deed, promise: Promise<void>): Promise<void> {
  await promise.then(
    () => {
      deed.outcome = 'done'
    },
    (error) => {
      deed.outcome = `${error.code} ${error.operation}`
    },
  )
  deed.ended = now()
}

/** Reads what a process said: `tries ID ENTRY TIME`, then perhaps `done ENTRY TIME` or `refused ENTRY TIME CODE OPERATION`. */
function deedsOf(said: string): Deed[] {
  const deeds = new Map<string, Deed>()
  // The last line of a process that was killed may be cut off.
  for (const line of said.split('\n').slice(0, -1)) {
    const [word, one = '', two = '', ...rest] = line.split(' ')
    if (word === 'tries') deeds.set(two, { id: one, entry: two, began: Number(rest[0]) })
    const deed = deeds.get(one)
    if (deed === undefined || word === 'tries') continue
    deed.ended = Number(two)
    deed.outcome = word === 'done' ? 'done' : rest.join(' ')
  }
  return [...deeds.values()]
}

function countOutcomes(deeds: Deed[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { outcome = 'nobody heard', isPlain } of deeds) {
    const name = isPlain ? `plain, ${outcome}` : outcome
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}
