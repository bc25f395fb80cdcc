// What is remembered of histories, where that can be told from outside: `lib/snapshots.js`.
import { createRequire } from 'node:module'
import { expect, it, vi } from 'vitest'

import { MemoryStorage } from '../index.js'

const require = createRequire(import.meta.url)
const { MemoryHandle } = require('../lib/binding.js') as typeof import('../binding.js')
const { Snapshots } = require('../lib/snapshots.js') as { Snapshots: { prototype: { shorten(): unknown } } }

const entry = (index: number) => ({ role: 'user' as const, content: `${index} ${'word '.repeat(20)}` })
const entries = (count: number) => Array.from({ length: count }, (_, index) => entry(index))

it('some of the conversations stay remembered if there is no room for all of them', async () => {
  const loadShort = vi.spyOn(MemoryHandle.prototype, 'loadShort')
  const storage = new MemoryStorage({ snapshots: 60_000 })
  const ids = Array.from({ length: 16 }, (_, number) => `user-${number}`)
  for (const conversationId of ids) {
    await storage.save({ conversationId, history: entries(20) } as never)
  }
  let loads = 0
  for (let turn = 0; turn < 40; turn++) {
    for (const id of ids) {
      loads++
      const state = await storage.load(id)
      expect(state?.history).toHaveLength(20 + (turn % 5))
      if (turn % 5 === 4) state?.history.splice(20)
      else state?.history.push(entry(turn))
      await storage.save(state as never)
    }
  }
  const short = loadShort.mock.results.filter(({ value }) => Array.isArray(value)).length
  // There is room for about a third of them. None if each turn drops what the next one needs.
  expect(short / loads).toBeGreaterThan(0.2)
  expect(short / loads).toBeLessThan(0.6)
  loadShort.mockRestore()
  await storage.close()
})

it('a conversation for which there is no room at all leaves that of the others alone', async () => {
  const loadShort = vi.spyOn(MemoryHandle.prototype, 'loadShort')
  const storage = new MemoryStorage({ snapshots: 60_000 })
  await storage.save({ conversationId: 'small', history: entries(20) } as never)
  await storage.save({ conversationId: 'large', history: entries(1000) } as never)
  for (let turn = 0; turn < 5; turn++) {
    for (const id of ['small', 'large']) {
      const state = await storage.load(id)
      expect(state?.history).toHaveLength(id === 'small' ? 20 : 1000)
      await storage.save(state as never)
    }
  }
  // All but the first, which there was nothing to compare with.
  expect(loadShort.mock.results.filter(({ value }) => Array.isArray(value))).toHaveLength(4)
  loadShort.mockRestore()
  await storage.close()
})

it('a state that is too small to travel short is not taken apart to find that out', async () => {
  const shorten = vi.spyOn(Snapshots.prototype, 'shorten')
  const storage = new MemoryStorage()
  const save = (count: number) => storage.save({ conversationId: 'grows', history: entries(count) } as never)
  for (let turn = 0; turn < 4; turn++) await save(2)
  for (let turn = 0; turn < 3; turn++) await save(20)
  expect(shorten.mock.results.map(({ value }) => value !== undefined)).toEqual([
    ...[false, false, false, false],
    ...[false, true, true],
  ])
  expect(storage.stats().snapshots?.hits).toBe(1)
  shorten.mockRestore()
  await storage.close()
})
