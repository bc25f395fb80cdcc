import type { StorageAdapter } from '../../index.js'
import type { History, Operation } from './history.js'
import { LONG, sleep } from './waiting.js'

/** Conversations that go on at the same time until they are told to end. */
export interface Conversations {
  /** Resolves once each of them has had `rounds` more rounds without a rejection, or rejects after `within` ms. */
  goOn(rounds: number, within?: number): Promise<void>
  /** Waits until nothing is under way, does `work`, and lets them go on. */
  meanwhile(work: () => Promise<void>): Promise<void>
  /** Resolves when all have ended, or after `within` ms: then some operation never settles, which the check will report. */
  end(within?: number): Promise<void>
}

export interface Manner {
  count: number
  /** The pause between two rounds, in ms. */
  pause: number
  random?: () => number
}

/**
 * Each round of a conversation is a burst of saves, loads and now and then a delete, whose promises are awaited together
 * at the end of it, so that only the storage keeps them in order.
 */
export function converse(storage: StorageAdapter, history: History, manner: Manner): Conversations {
  const { count, pause, random = Math.random } = manner
  let ended = false
  let gate: Promise<void> | undefined
  let resting = 0
  const good = Array.from({ length: count }, () => 0)

  async function round(id: string): Promise<boolean> {
    const burst: Promise<Operation>[] = []
    const act = async (kind: Operation['kind']) => {
      burst.push(history.perform(id, kind, storage))
      // Later, and still not awaited: meanwhile the way to the server may have become another.
      if (random() < 0.3) await new Promise(setImmediate)
    }
    // What is there, before anything is written over it.
    if (random() < 0.5) await act('load')
    for (let saves = 1 + Math.floor(random() * 3); saves > 0; saves--) await act('save')
    await act('load')
    if (random() < 0.1) await act('delete')
    if (random() < 0.5) await act('load')
    if (random() < 0.7) await act('save')
    const outcomes = await Promise.all(burst)
    return outcomes.every(({ outcome }) => outcome === 'done')
  }

  async function talk(index: number): Promise<void> {
    while (!ended) {
      if (gate !== undefined) {
        resting++
        await gate
        resting--
        continue
      }
      const went = await round(`conversation-${index}`)
      if (went) good[index] = (good[index] as number) + 1
      await sleep(went ? pause * (0.5 + random()) : 50)
    }
  }

  const all = Promise.all(Array.from({ length: count }, (_, index) => talk(index)))
  return {
    async goOn(rounds, within = LONG) {
      const goal = good.map((value) => value + rounds)
      const end = performance.now() + within
      while (good.some((value, index) => value < (goal[index] as number))) {
        if (performance.now() > end)
          throw new Error(`the conversations do not go on: ${JSON.stringify(history.counts())}`, {
            cause: history.lastError,
          })
        await sleep(5)
      }
    },
    async meanwhile(work) {
      let open = () => {}
      gate = new Promise((resolve) => {
        open = resolve
      })
      while (resting < count) await sleep(1)
      try {
        await work()
      } finally {
        gate = undefined
        open()
      }
    },
    async end(within = LONG) {
      ended = true
      await Promise.race([all, sleep(within)])
    },
  }
}
