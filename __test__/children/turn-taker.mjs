// One of several processes that take turns on one conversation. Each line says what became of an entry that it appended.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

import { openPlace, ready } from '../support/open.mjs'

const { place, id = 'u', name, lease, stop, act, zero, stay } = JSON.parse(process.argv[2])
const storage = openPlace(place)
await ready(storage)
const say = (text) => process.stdout.write(`${text}\n`)
const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time))

/** Blocks the event loop until the file is there. */
function blockUntil(file) {
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  while (!existsSync(file)) Atomics.wait(nothing, 0, 0, 20)
}

/** Appends an entry to the conversation, with a model that takes its time. */
async function append(entry, think, conversationId = id) {
  const state = (await storage.load(conversationId)) ?? { conversationId, entries: [] }
  await think()
  await storage.save({ ...state, entries: [...state.entries, entry] })
}

/** The clock of all processes of a machine, in ms. */
const now = () => Number(process.hrtime.bigint() / 1_000n) / 1_000

const ACTS = {
  /** Appends until the file `stop` is there, for `stay` ms to one conversation and then to the next. */
  async append() {
    for (let number = 0; !existsSync(stop); number++) {
      const entry = `${name}:${number}`
      const current = `u${Math.floor((now() - zero) / stay)}`
      say(`tries ${current} ${entry} ${now()}`)
      const turn = () => append(entry, () => sleep(Math.random() * 3), current)
      try {
        await storage.withLock(current, turn, { lease, wait: 60_000 })
        say(`done ${entry} ${now()}`)
      } catch (error) {
        say(`refused ${entry} ${now()} ${error.code} ${error.operation}`)
      }
    }
  },
  /** Holds the lock while the event loop is blocked. */
  async block() {
    await storage.withLock(
      id,
      () =>
        append(name, async () => {
          say('holds')
          blockUntil(stop)
        }),
      { lease },
    )
    say('done')
  },
  /** Loads, is stopped by the test, and saves once that tells it to. */
  async late() {
    const model = async () => {
      const told = once(process, 'SIGUSR2')
      say('holds')
      // A signal that may come keeps no process alive.
      const alive = setInterval(() => {}, 60_000)
      await told
      clearInterval(alive)
    }
    await storage.withLock(id, () => append(name, model), { lease })
    say('done')
  },
  /** Holds the lock and ends, without giving it back. */
  async exit() {
    await storage.withLock(
      id,
      () => {
        say('holds')
        process.exit(0)
      },
      { lease },
    )
  },
  /** Holds the lock and throws where nobody catches it. */
  async throw() {
    await storage.withLock(
      id,
      () => {
        say('holds')
        setTimeout(() => {
          throw new Error('nobody catches this')
        })
        return new Promise(() => {})
      },
      { lease },
    )
  },
  /** Has a worker hold the lock, and terminates it. */
  async terminate() {
    const argument = JSON.stringify({ place, id, name, lease, act: 'hold' })
    const worker = new Worker(new URL(import.meta.url), { argv: [argument], stdout: true })
    await new Promise((resolve) => worker.stdout.once('data', resolve))
    await worker.terminate()
    say('holds')
    // This process goes on: nothing of it gives the lock back.
    await sleep(120_000)
  },
  /** Waits for the lock until it is killed. */
  async queue() {
    const waits = storage.withLock(id, () => {}, { lease })
    say('waits')
    await waits
  },
  /** Holds the lock until it is killed. */
  async hold() {
    await storage.withLock(
      id,
      async () => {
        say('holds')
        await sleep(240_000)
      },
      { lease },
    )
  },
}

await ACTS[act]().catch((error) => say(`failed ${error.code} ${error.operation}`))
await storage.close()
