import { expect, it } from 'vitest'

import type { MemoryStorage } from '../index.js'
import { runChild } from './support/child.js'
import { openPlace, ready } from './support/open.mjs'
import type { Subject } from './support/subjects.js'

const PROCESSES = 8
const TURNS = 50

/** What is there in the end if each process has added so often. */
const all = (turns: number) => ({ n: PROCESSES * turns, entries: PROCESSES * turns, twice: 0 })

/** A conversation of the example engine that nobody has added to. */
export const fresh = () => ({
  conversationId: 'u',
  currentStep: 'listen',
  slots: { n: 0, log: [] as unknown[] },
  history: [],
  ended: false,
  createdAt: 1,
  updatedAt: 1,
})

type Counted = Pick<Subject, 'makePlace' | 'runtime'>

/** Has 8 processes add to one conversation, each so often. Returns what is there in the end. */
async function count({ makePlace, runtime }: Counted, how: 'update' | 'lock' | 'plain' | 'both', turns = TURNS) {
  const place = await makePlace()
  const storage = openPlace(place) as MemoryStorage
  await ready(storage)
  await storage.save(fresh() as never)
  const children = Array.from({ length: PROCESSES }, (_, name) =>
    runChild('lock-counter.mjs', { place, how, count: turns, name }, runtime),
  )
  for (const { code, stdout, stderr } of await Promise.all(children)) {
    expect({ code, stderr, refused: stdout }).toEqual({ code: 0, stderr: '', refused: '[]\n' })
  }
  const { n, log } = ((await storage.load('u')) as unknown as ReturnType<typeof fresh>).slots
  await storage.close()
  return { n, entries: new Set(log).size, twice: log.length - new Set(log).size }
}

/** Each way to add on its own, and without a lock. */
export function countCases(subject: Counted): void {
  it('P13 keeps every update of several processes', async () => {
    expect(await count(subject, 'update')).toEqual(all(TURNS))
  })

  it('P13 keeps every turn of several processes', async () => {
    expect(await count(subject, 'lock')).toEqual(all(TURNS))
  })

  it('loses some of them without a lock: the cases above would see it', async () => {
    expect((await count(subject, 'plain')).n).toBeLessThan(all(TURNS).n)
  })
}

/** The same in one test, for further ways to construct a storage. Each process adds 50 times, or `turns` if that takes long. */
export function countBothCase(name: string, subject: Counted, turns = TURNS): void {
  it(`P13 keeps every update and every turn of several processes: ${name}`, async () => {
    expect(await count(subject, 'both', turns)).toEqual(all(turns))
  })
}
