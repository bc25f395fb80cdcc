import { describe, expect, it } from 'vitest'

import { MemoryStorage, type StorageAdapter } from '../index.js'
import { check, countLost } from './support/checker.js'
import { converse } from './support/conversations.js'
import { History, type Operation } from './support/history.js'
import { type Deed, judgeTurns } from './support/turn-history.js'
import { versioned } from './support/versions.mjs'
import { eventually, sleep } from './support/waiting.js'

/** A storage with one fault, on top of one without. */
class Faulty implements StorageAdapter {
  protected readonly inner = new MemoryStorage()
  protected calls = 0
  load = (id: string) => this.inner.load(id)
  save = (state: Parameters<StorageAdapter['save']>[0]) => this.inner.save(state)
  delete = (id: string) => this.inner.delete(id)
}

const FAULTS: [string, string[], () => StorageAdapter][] = [
  ['nothing is wrong', [], () => new Faulty()],
  [
    'saves are acknowledged and not sent',
    ['lost'],
    () =>
      new (class extends Faulty {
        override save = async (state: Parameters<StorageAdapter['save']>[0]) => {
          if (++this.calls % 20 !== 0) await this.inner.save(state)
        }
      })(),
  ],
  [
    'saves are acknowledged before they are sent',
    ['lost'],
    () =>
      new (class extends Faulty {
        override save = async (state: Parameters<StorageAdapter['save']>[0]) =>
          void setTimeout(() => this.inner.save(state), 5)
      })(),
  ],
  [
    'two saves change places',
    ['lost'],
    () =>
      new (class extends Faulty {
        override save = async (state: Parameters<StorageAdapter['save']>[0]) => {
          if (++this.calls % 10 === 0) await sleep(1)
          await this.inner.save(state)
        }
      })(),
  ],
  [
    'a load overtakes',
    ['lost'],
    () =>
      new (class extends Faulty {
        override save = async (state: Parameters<StorageAdapter['save']>[0]) => {
          await sleep(1)
          await this.inner.save(state)
        }
      })(),
  ],
  [
    'a load is overtaken',
    ['order'],
    () =>
      new (class extends Faulty {
        override load = async (id: string) => {
          await sleep(1)
          return this.inner.load(id)
        }
      })(),
  ],
  [
    'a promise is dropped',
    ['unsettled'],
    () =>
      new (class extends Faulty {
        override save = (state: Parameters<StorageAdapter['save']>[0]) =>
          ++this.calls === 200 ? new Promise<void>(() => {}) : this.inner.save(state)
      })(),
  ],
  [
    'a rejection is not retryable',
    ['refused'],
    () =>
      new (class extends Faulty {
        override save = async (state: Parameters<StorageAdapter['save']>[0]) => {
          if (++this.calls === 200) throw Object.assign(new Error('broken'), { code: 'ERR_STORAGE_INTERNAL' })
          await this.inner.save(state)
        }
      })(),
  ],
  [
    'a state of another conversation is answered',
    ['refused'],
    () =>
      new (class extends Faulty {
        override load = (id: string) =>
          // More than once: there may be no other state at that moment.
          ++this.calls % 50 === 0
            ? this.inner.load(id === 'conversation-1' ? 'conversation-2' : 'conversation-1')
            : this.inner.load(id)
      })(),
  ],
]

describe('the check of a history finds that', () => {
  for (const [fault, expected, make] of FAULTS) {
    it(fault, async () => {
      const history = new History()
      const conversations = converse(make(), history, { count: 8, pause: 1 })
      // Many times as many as a fault lets pass, however long this machine takes.
      const count = () => [...history.records.values()].reduce((sum, { operations }) => sum + operations.length, 0)
      await eventually('the conversations have done enough', () => count() > 1_000)
      // A promise that was dropped is waited for in vain.
      await conversations.end(expected.includes('unsettled') ? 500 : undefined)
      const kinds = new Set(check(history).map(({ kind }) => kind))
      if (expected.length === 0) expect([...kinds]).toEqual([])
      else expect([...kinds]).toEqual(expect.arrayContaining(expected))
    })
  }
})

/** Operations on one conversation, one settled before the next is called unless it says otherwise. */
function written(...operations: Partial<Operation>[]): History {
  const history = new History()
  history.record('a').operations.push(
    ...operations.map((operation): Operation => {
      const submitted = history.now()
      return { kind: 'save', write: 0, submitted, settled: history.now(), outcome: 'done', ...operation }
    }),
  )
  return history
}

const kinds = (history: History) => check(history).map(({ kind }) => kind)
const save = (write: number, outcome = 'done'): Partial<Operation> => ({ write, outcome })
const drop = (write: number): Partial<Operation> => ({ kind: 'delete', write })
const load = (write: number, seen: number | null): Partial<Operation> => ({ kind: 'load', write, seen })

describe('the check of a history', () => {
  it('lets a rejected write take effect or not', () => {
    expect(kinds(written(save(1), save(2, 'ERR_STORAGE_TIMEOUT'), load(2, 1)))).toEqual([])
    expect(kinds(written(save(1), save(2, 'ERR_STORAGE_TIMEOUT'), load(2, 2)))).toEqual([])
    expect(kinds(written(save(1), save(2, 'ERR_STORAGE_TIMEOUT'), load(2, null)))).toEqual(['lost'])
  })

  it('and stay as it was seen', () => {
    const rejected = save(2, 'ERR_STORAGE_UNAVAILABLE')
    expect(kinds(written(save(1), rejected, load(2, 2), load(2, 1)))).toEqual(['backwards'])
    expect(kinds(written(save(1), rejected, load(2, 1), load(2, 2)))).toEqual([])
  })

  it('tells a delete from a loss', () => {
    expect(kinds(written(save(1), drop(2), load(2, null)))).toEqual([])
    expect(kinds(written(save(1), drop(2), load(2, 1)))).toEqual(['lost'])
    expect(kinds(written(save(1), drop(2), save(3), load(3, null)))).toEqual(['lost'])
    expect(kinds(written(load(0, null)))).toEqual([])
    expect(kinds(written(load(0, 1), save(1)))).toEqual(['order'])
  })

  it('excuses a refusal only while somebody has caused it', () => {
    const history = written(save(1, 'ERR_STORAGE_DENIED'), save(2, 'ERR_STORAGE_DENIED'))
    expect(kinds(history)).toEqual(['refused', 'refused'])
    history.excused.push({ code: 'ERR_STORAGE_DENIED', from: 1, to: 2 })
    expect(kinds(history)).toEqual(['refused'])
  })

  it('lets a load that was sent again find what was called after it, and only then', () => {
    const overlapping = () => written(save(1), { ...load(1, 2), settled: 99 }, save(2), { ...load(2, 1), settled: 99 })
    expect(kinds(overlapping())).toEqual(['order', 'lost'])
    const history = written(save(1), { ...load(1, 2), settled: 99 }, { ...save(2), settled: 99 }, save(3), load(3, 3))
    history.disturbed.push({ from: 4, to: 5 })
    expect(kinds(history)).toEqual(['order'])
    history.disturbed.push({ from: 5, to: 6 })
    expect(kinds(history)).toEqual([])
    // The load between them is sent again, too.
    const again = written(save(1), { ...load(1, 3), settled: 99 }, save(2), load(2, 2), save(3), load(3, 3))
    again.disturbed.push({ from: 4, to: 98 })
    expect(kinds(again)).toEqual([])
  })

  it('lets a failover lose what the new master did not have, and nothing else', () => {
    const at = (value: number | null, ...later: Partial<Operation>[]) => {
      const history = written(save(1), save(2), save(3), load(3, 3))
      history.failedOver('a', value === null ? null : JSON.stringify(versioned('a', value)))
      const more = later.map((operation): Operation => {
        const submitted = history.now()
        return { kind: 'save', write: 0, submitted, settled: history.now(), outcome: 'done', ...operation }
      })
      history.record('a').operations.push(...more)
      return history
    }
    expect(kinds(at(2, load(3, 2)))).toEqual([])
    expect(countLost(at(2))).toBe(1)
    expect(countLost(at(3))).toBe(0)
    expect(countLost(at(null))).toBe(3)
    expect(kinds(at(2, load(3, 1)))).toEqual(['backwards'])
    expect(kinds(at(2, save(4), load(4, 2)))).toEqual(['lost'])
    expect(kinds(at(2, save(4), load(4, 4), load(4, 3)))).toEqual(['lost'])
    expect(kinds(at(3, load(3, 2)))).toEqual(['backwards'])
  })
})

describe('the judgement of turns', () => {
  const turn = (entry: string, began: number, ended?: number, outcome = 'done'): Deed => ({
    id: 'u',
    entry,
    began,
    ...(ended === undefined ? {} : { ended, outcome }),
  })
  const plain = (began: number, ended: number, entry?: string): Deed => ({
    ...{ id: 'u', isPlain: true, began, ended, outcome: 'done' },
    ...(entry === undefined ? {} : { entry }),
  })
  const judge = (stored: string[], ...deeds: Deed[]) =>
    judgeTurns(deeds, new Map([['u', stored]])).map((violation) => violation.split(' ')[1])

  it('finds what is lost, there twice, or there although it was refused', () => {
    const refused = turn('b', 2, 3, 'ERR_STORAGE_CONFLICT save')
    expect(judge(['a'], turn('a', 0, 1), refused, turn('c', 4))).toEqual([])
    expect(judge(['a', 'c'], turn('a', 0, 1), refused, turn('c', 4))).toEqual([])
    expect(judge([], turn('a', 0, 1))).toEqual(['lost'])
    expect(judge(['a', 'a'], turn('a', 0, 1))).toEqual(['twice'])
    expect(judge(['b'], refused)).toEqual(['refused'])
    expect(judge(['a'])).toEqual(['unknown'])
  })

  it('leaves open what a lost connection leaves open, and takes no other error', () => {
    const open = turn('a', 0, 1, 'ERR_STORAGE_UNAVAILABLE save')
    expect(judge(['a'], open)).toEqual([])
    expect(judge([], open)).toEqual([])
    expect(judge([], turn('a', 0, 1, 'ERR_STORAGE_TIMEOUT lock'))).toEqual([])
    expect(judge([], turn('a', 0, 1, 'ERR_STORAGE_INTERNAL save'))).toEqual(['refused'])
  })

  it('lets a plain save or delete replace what may be older, and nothing that is younger', () => {
    expect(judge([], turn('a', 0, 1), plain(2, 3))).toEqual([])
    expect(judge(['p'], turn('a', 0, 4), plain(2, 3, 'p'))).toEqual([])
    expect(judge(['p', 'a'], turn('a', 0, 4), plain(2, 3, 'p'))).toEqual([])
    expect(judge(['p'], plain(2, 3, 'p'), turn('a', 4, 5))).toEqual(['lost'])
    expect(judge([], plain(2, 3, 'p'))).toEqual(['lost'])
    expect(judge(['a'], turn('a', 0, 1), plain(2, 3))).toEqual(['back'])
  })

  it('finds entries in another order than that of their turns', () => {
    expect(judge(['b', 'a'], turn('a', 0, 3), turn('b', 2, 4))).toEqual([])
    expect(judge(['b', 'a'], turn('a', 0, 1), turn('b', 2, 4))).toEqual(['order'])
  })
})
