// The eTags of Bot Framework's storages by `loadEntry` and `ifMatch`: what programs that keep state by them rely on.
import { afterEach, describe, expect, it } from 'vitest'

import type { ConversationState, MemoryStorage } from '../index.js'
import { openPlace } from './support/open.mjs'
import { ADAPTERS, type Subject, VARIANTS } from './support/subjects.js'

type Item = { count: number; by?: number; eTag?: string | null }

/** A store of items by key, as Bot Framework has it. An item with an eTag is only written over the one with this eTag. */
class Items {
  constructor(readonly storage: MemoryStorage) {}

  async read(keys: string[]): Promise<Record<string, Item>> {
    const entries = await Promise.all(keys.map((key) => this.storage.loadEntry(key)))
    const found = entries.flatMap(({ state, etag }, index) =>
      state === null ? [] : [[keys[index], { ...(state as unknown as Item), eTag: etag }]],
    )
    return Object.fromEntries(found)
  }

  async write(changes: Record<string, Item>): Promise<void> {
    const saves = Object.entries(changes).map(([key, { eTag, ...item }]) => {
      const state = { ...item, conversationId: key } as unknown as ConversationState
      return eTag === undefined || eTag === '*' ? this.storage.save(state) : this.storage.save(state, { ifMatch: eTag })
    })
    await Promise.all(saves)
  }

  async delete(keys: string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.storage.delete(key)))
  }

  async one(key: string): Promise<Item> {
    return (await this.read([key]))[key] as Item
  }
}

const refused = { code: 'ERR_STORAGE_CONFLICT' }
const ODD = '!@#$%^&*()~/\\><,.?\';"`~'

describe.each([...ADAPTERS, ...VARIANTS])('items with eTags on $name', (subject: Subject) => {
  let items: Items
  const open = async () => {
    items = new Items(openPlace(await subject.makePlace()))
    return items
  }
  afterEach(() => items.storage.close())

  it('an unknown key has no item, and can be deleted', async () => {
    const { storage } = await open()
    expect(await items.read(['unknown'])).toEqual({})
    expect(await items.read([])).toEqual({})
    await items.write({})
    await items.delete(['unknown'])
    expect(await storage.loadEntry('unknown')).toEqual({ state: null, etag: null })
    for (const key of [null, undefined, 5]) {
      await expect(storage.loadEntry(key as never)).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_ID' })
    }
  })

  it('a new item has an eTag, whatever its key', async () => {
    await open()
    await items.write({ first: { count: 1 }, [ODD]: { count: 2 } })
    const found = await items.read(['first', ODD])
    expect(found).toMatchObject({ first: { count: 1 }, [ODD]: { count: 2 } })
    for (const { eTag } of Object.values(found)) expect(eTag).toMatch(/^\w+$/)
  })

  it('an eTag changes with its item, and is as good as its item is', async () => {
    await open()
    await items.write({ a: { count: 1 } })
    const first = await items.one('a')
    await items.write({ a: { ...first, count: 2 } })
    const second = await items.one('a')
    expect(second).toMatchObject({ count: 2 })
    expect(second.eTag).not.toBe(first.eTag)
    await expect(items.write({ a: { ...first, count: 123 } })).rejects.toMatchObject(refused)
    expect(await items.one('a')).toEqual(second)
    // Without an eTag, and with one that fits all, the last one wins.
    await items.write({ a: { count: 123 } })
    await items.write({ a: { count: 100, eTag: '*' } })
    expect(await items.one('a')).toMatchObject({ count: 100 })
    await expect(items.write({ a: second })).rejects.toMatchObject(refused)
  })

  it('an old eTag brings nothing back that was deleted', async () => {
    await open()
    await items.write({ a: { count: 1 } })
    const first = await items.one('a')
    await items.delete(['a'])
    await expect(items.write({ a: { ...first, count: 2 } })).rejects.toMatchObject(refused)
    expect(await items.read(['a'])).toEqual({})
    await items.write({ a: { count: 3, eTag: null } })
    await expect(items.write({ a: { count: 4, eTag: null } })).rejects.toMatchObject(refused)
    expect(await items.one('a')).toMatchObject({ count: 3 })
  })

  it('what is stored already is no conflict, whoever has stored it', async () => {
    await open()
    await items.write({ a: { count: 1 } })
    const first = await items.one('a')
    await Promise.all([1, 2].map(() => items.write({ a: { ...first, count: 2 } })))
    expect(await items.one('a')).toMatchObject({ count: 2 })
  })

  it('several items are written, read and deleted at once', async () => {
    await open()
    const keys = ['a', 'b', 'c']
    await items.write({ a: { count: 10 }, b: { count: 20 }, c: { count: 30 } })
    const found = await items.read(keys)
    expect(keys.map((key) => found[key]?.count)).toEqual([10, 20, 30])
    await items.delete(keys)
    expect(await items.read(keys)).toEqual({})
  })

  it('a dialog of several turns goes on where it was, and of two answers to one question one counts', async () => {
    await open()
    const turn = async (by: number) => {
      const { conversation = { count: 0, eTag: null } } = await items.read(['conversation'])
      await items.write({ conversation: { ...conversation, count: conversation.count + 1, by } })
    }
    for (let step = 0; step < 5; step++) await turn(step)
    const ends = await Promise.allSettled(Array.from({ length: 10 }, (_, by) => turn(by)))
    const done = ends.filter(({ status }) => status === 'fulfilled').length
    expect(done).toBeGreaterThan(0)
    expect(await items.one('conversation')).toMatchObject({ count: 5 + done })
  })
})
