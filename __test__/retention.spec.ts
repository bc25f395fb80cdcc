// What is said of keeping and forgetting beyond the suite: the programs of the page, memory's limits, no open handles.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterEach, expect, it, vi } from 'vitest'

import { type ConversationState, FileStorage, MemoryStorage, SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { temporaryDirectory } from './support/subjects.js'

const { SnapshotTable } = createRequire(import.meta.url)('../lib/binding.js') as typeof import('../binding.js')

const { sample } = samples
const PAGE = readFileSync(new URL('../docs/retention.md', import.meta.url), 'utf8')

/** Runs the program of the page that has `part` in it, as an async function, and returns its variable `result`. */
async function runSnippet(part: string, names: object, result = 'undefined'): Promise<unknown> {
  const code = PAGE.split('```js\n').flatMap((text) => text.split('```')[0] ?? [])
  const snippet = code.find((text) => text.includes(part))
  expect(snippet).toBeDefined()
  const body = `return (async () => { ${snippet}\n return ${result} })()`
  return new Function(...Object.keys(names), body)(...Object.values(names))
}

const ids = (conversations: unknown) => (conversations as { id: string }[]).map(({ id }) => id)

afterEach(() => {
  vi.restoreAllMocks()
})

it('the newest are found among many', async () => {
  const storage = new MemoryStorage()
  const clock = vi.spyOn(Date, 'now')
  for (let n = 0; n < 1000; n++) {
    clock.mockReturnValue(1_800_000_000_000 + ((n * 7919) % 1000))
    await storage.save(sample(String((n * 7919) % 1000)))
  }
  const newest = await runSnippet('newest.length === 100', { storage }, 'newest')
  expect(ids(newest)).toEqual(Array.from({ length: 50 }, (_, n) => String(999 - n)))
})

it('a list goes on in another request', async () => {
  const storage = new MemoryStorage()
  for (let n = 0; n < 250; n++) void storage.save(sample(`c${n}`))
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const json = vi.fn()
    await runSnippet('request.query', { storage, request: { query: { cursor } }, response: { json } })
    const page = json.mock.calls[0]?.[0]
    seen.push(...ids(page.conversations))
    cursor = page.cursor ?? undefined
  } while (cursor !== undefined)
  expect(seen.sort()).toEqual(Array.from({ length: 250 }, (_, n) => `c${n}`).sort())
})

it('conversations are removed by a part of their id, and by age', async () => {
  const storage = new MemoryStorage()
  for (const id of ['user-42-a', 'user-42-b', 'user-421', 'ana', 'guest-1', 'member-1']) await storage.save(sample(id))
  await runSnippet("clear({ prefix: 'user-42-' })", { storage })
  const now = Date.now()
  vi.spyOn(Date, 'now').mockReturnValue(now + 2 * 24 * 3_600_000)
  await runSnippet('365 * DAY', { storage })
  const left = []
  for await (const { id } of storage.list({ details: false })) left.push(id)
  expect(left.sort()).toEqual(['member-1', 'user-421'])
})

it('a derived class brings states up to date', async () => {
  interface OrderState extends ConversationState {
    version: number
  }
  const dir = await temporaryDirectory()
  const upgrade = (state: ConversationState) => ({ ...state, version: 2 })
  const OrderSchema = {
    parse(state: OrderState) {
      if (state.currentStep === '') throw new TypeError('no step')
      return state
    },
  }
  const Orders = (await runSnippet(
    'class Orders',
    { SQLiteStorage, OrderSchema, upgrade },
    'Orders',
  )) as typeof SQLiteStorage<OrderState>
  const storage = new Orders({ path: `${dir}/orders.db` })
  await storage.save({ ...sample('o'), version: 1 })
  expect((await storage.load('o'))?.version).toBe(2)
  expect(await storage.load('p')).toBe(null)
  await storage.save({ ...sample('o'), currentStep: '', version: 1 })
  await expect(storage.load('o')).rejects.toThrow('no step')
  await storage.close()
})

it('memory forgets what was not used for longest', async () => {
  const storage = new MemoryStorage({ maxConversations: 3 })
  for (const id of ['a', 'b', 'c']) await storage.save(sample(id))
  await storage.load('a')
  await storage.withLock('b', async () => {
    await storage.load('b')
    await storage.save(sample('d'))
    await storage.save(sample('b', { slots: { inside: true } }))
  })
  expect(await Promise.all(['a', 'b', 'c', 'd'].map((id) => storage.has(id)))).toEqual([true, true, false, true])
  const small = new MemoryStorage({ maxBytes: 1_000 })
  await small.save(sample('a'))
  await expect(small.save(sample('b', { slots: { long: 'x'.repeat(1_000) } }))).rejects.toMatchObject({
    code: 'ERR_STORAGE_UNAVAILABLE',
    message: expect.stringContaining('"maxBytes"'),
  })
  expect(await small.load('a')).toEqual(sample('a'))
})

it.each<[string, (storage: MemoryStorage) => Promise<unknown>]>([
  ['clear', (storage) => storage.clear({ all: true })],
  ['purge', (storage) => storage.purge({ olderThan: 1 })],
])('%s forgets what is remembered of histories', async (_name, remove) => {
  const forget = vi.spyOn(SnapshotTable.prototype, 'clear')
  const storage = new MemoryStorage()
  await storage.save(sample('a'))
  await remove(storage)
  expect(forget).toHaveBeenCalledTimes(1)
  await storage.purge({ olderThan: 1, dryRun: true })
  expect(forget).toHaveBeenCalledTimes(1)
})

it('what a test does to the clock decides what is expired in memory', async () => {
  vi.useFakeTimers()
  try {
    const storage = new MemoryStorage({ ttl: 60 })
    await storage.save(sample('a'))
    vi.advanceTimersByTime(59_999)
    expect(await storage.has('a')).toBe(true)
    vi.advanceTimersByTime(1)
    expect(await storage.load('a')).toBe(null)
    await storage.save(sample('a'))
    expect(await storage.count()).toBe(1)
  } finally {
    vi.useRealTimers()
  }
})

it.each([
  ['memory', () => new MemoryStorage()],
  ['files', (dir: string) => new FileStorage({ dir })],
])('%s lists, counts and removes after close() no longer', async (_name, open) => {
  const storage = open(await temporaryDirectory())
  const begun = storage.list()
  await storage.close()
  const closed = { code: 'ERR_STORAGE_CLOSED' }
  await expect(begun.next()).rejects.toMatchObject({ ...closed, operation: 'list' })
  await expect(storage.count()).rejects.toMatchObject({ ...closed, operation: 'count' })
  await expect(storage.purge({ olderThan: 1 })).rejects.toMatchObject({ ...closed, operation: 'purge' })
  await expect(storage.clear({ all: true })).rejects.toMatchObject({ ...closed, operation: 'clear' })
  await expect(storage.touch('a')).rejects.toMatchObject({ ...closed, operation: 'touch' })
})
