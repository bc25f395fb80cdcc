// What the viewer sends of a store: never more than a browser can show, whatever has been stored.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { FileStorage, MemoryStorage, SQLiteStorage } from '../index.js'
import { hostileIds, sample } from '../testing/samples.js'
import { openStudio } from './support/studio.js'
import { MEMORY, temporaryDirectory } from './support/subjects.js'

const { Conversations } = createRequire(import.meta.url)('../cli/studio/conversations.js')
const { newest } = createRequire(import.meta.url)('../cli/studio/newest.js')
const { viewOf } = createRequire(import.meta.url)('../cli/studio/view.js')

const plant = (storage: object, id: string, text: string) =>
  MEMORY.plant({ adapter: 'memory', options: undefined }, storage, id, text)

async function enter(storage: object) {
  const studio = await openStudio(storage)
  await studio.enter()
  return studio
}

describe('the list of the viewer', () => {
  it('has the newest first, of any adapter', async () => {
    const dir = await temporaryDirectory()
    const storages = [
      new MemoryStorage({ ttl: 60 }),
      new FileStorage({ dir: join(dir, 'states'), ttl: 60 }),
      new SQLiteStorage({ path: join(dir, 'states.db'), ttl: 60 }),
    ]
    for (const storage of storages) {
      for (const id of ['a', 'b', 'c', 'other']) {
        await storage.save(sample(id))
        // Ages are in ms.
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      await storage.touch('b')
      const studio = await enter(storage)
      const { json } = await studio.ask('list')
      expect(json).toMatchObject({ store: 'a store of this test', seen: 4, isWhole: true })
      expect(json.found.map(({ id }: { id: string }) => id)).toEqual(['b', 'other', 'c', 'a'])
      expect(json.found[0].expiresAt - json.found[0].updatedAt).toBe(60_000)
      const some = await studio.ask('list', { prefix: 'o' })
      expect(some.json.found.map(({ id }: { id: string }) => id)).toEqual(['other'])
      await studio.close()
      await storage.close()
    }
  })

  it('keeps as many as are asked for, however many there are', async () => {
    const list = async function* (count: number) {
      // Not in order, and each of them twice, as Redis may list them.
      for (let at = 0; at < count; at++) {
        const number = (at * 7919) % (count / 2)
        yield { id: `c-${number}`, size: 1, updatedAt: number % 10 === 0 ? null : number, expiresAt: null }
      }
    }
    const { found, seen, isWhole } = await newest(list(20_000), 50)
    expect([seen, isWhole]).toEqual([20_000, true])
    expect(found.map(({ updatedAt }: { updatedAt: number }) => updatedAt)).toEqual(
      Array.from({ length: 10_000 }, (_, at) => 9_999 - at)
        .filter((number) => number % 10 !== 0)
        .slice(0, found.length),
    )
    expect(found.length).toBeGreaterThanOrEqual(25)
    const few = await newest(list(20_000), 10, 1_000)
    expect([few.found.length, few.seen, few.isWhole]).toEqual([10, 1_000, false])
  })

  it('goes by the expiry where no age is known, as on a Redis server without the ttl', async () => {
    const list = async function* () {
      for (const [id, expiresAt] of [
        ['forever', null],
        ['old', 1_000],
        ['new', 3_000],
        ['between', 2_000],
      ] as const) {
        yield { id, size: 1, updatedAt: null, expiresAt }
      }
      yield { id: 'known', size: 1, updatedAt: 5, expiresAt: null }
    }
    const { found } = await newest(list(), 10)
    expect(found.map(({ id }: { id: string }) => id)).toEqual(['known', 'new', 'between', 'old', 'forever'])
  })

  it('is made once for all who ask for the same, by one scan at a time, and ends with them', async () => {
    let scans = 0
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const begun: string[] = []
    const storage = {
      async *list({ prefix, signal }: { prefix: string; signal: AbortSignal }) {
        begun.push(prefix)
        expect(++scans).toBe(1)
        try {
          await gate
          signal.throwIfAborted()
          yield { id: prefix, size: 1, updatedAt: 1, expiresAt: null }
        } finally {
          scans--
        }
      },
    }
    const conversations = new Conversations(storage, 'a store')
    const ask = (prefix: string, signal = new AbortController().signal) =>
      conversations.list(new URLSearchParams({ prefix }), signal)
    const same = Array.from({ length: 30 }, () => ask('a'))
    const gone = new AbortController()
    const left = ask('left', gone.signal)
    const others = Array.from({ length: 40 }, (_, at) => ask(`b${at}`))
    gone.abort()
    open()
    for (const { found } of await Promise.all(same)) expect(found).toHaveLength(1)
    await expect(left).rejects.toThrow('aborted')
    const outcomes = await Promise.allSettled(others)
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason.status)
    expect(refused).toEqual(Array.from({ length: 26 }, () => 503))
    expect(begun).toEqual(['a', 'left', ...Array.from({ length: 14 }, (_, at) => `b${at}`)])
    // Afterwards it works as before, and what nobody waits for any more is not shared.
    expect((await ask('left')).found).toHaveLength(1)
    expect(begun).toHaveLength(17)
  })

  it('says why it cannot be had, without a password', async () => {
    const storage = new SQLiteStorage({ path: join(await temporaryDirectory(), 'nowhere.db') })
    const studio = await enter(storage)
    await storage.close()
    const { status, json } = await studio.ask('list')
    expect(status).toBe(500)
    expect(json).toEqual({ error: 'Cannot list the conversations: the storage is closed.' })
  })
})

describe('a conversation in the viewer', () => {
  it('is sent once, and again when it has changed or is gone', async () => {
    const storage = new MemoryStorage()
    await storage.save(sample('a'))
    const studio = await enter(storage)
    const first = (await studio.ask('conversation', { id: 'a' })).json
    expect(first).toMatchObject({
      isThere: true,
      updatedAt: expect.any(Number),
      size: Buffer.byteLength(JSON.stringify(sample('a'))),
    })
    const { etag } = first
    const unchanged = (await studio.ask('conversation', { id: 'a', etag })).json
    const { updatedAt } = first
    expect(unchanged).toEqual({ isThere: true, etag, updatedAt, expiresAt: null, isUnchanged: true })
    await storage.save({ ...sample('a'), currentStep: 'later' })
    const second = (await studio.ask('conversation', { id: 'a', etag })).json
    expect(second.facts).toContainEqual({ name: 'step', value: 'later' })
    await storage.delete('a')
    expect((await studio.ask('conversation', { id: 'a', etag: second.etag })).json).toEqual({ isThere: false })
    expect((await studio.ask('text', { id: 'a' })).status).toBe(404)
  })

  it('may have any id', async () => {
    const storage = new MemoryStorage()
    for (const id of hostileIds()) await storage.save(sample(id))
    const studio = await enter(storage)
    for (const id of hostileIds()) {
      const reply = await studio.ask('text', { id })
      expect([reply.status, JSON.parse(reply.body).conversationId]).toEqual([200, id])
    }
    const wrong = ['', 'a'.repeat(1_025), '💬'.repeat(300)]
    for (const id of wrong) {
      const { status, json } = await studio.ask('conversation', { id })
      expect([status, typeof json.error]).toEqual([400, 'string'])
    }
    // Not UTF-8, and half of a pair: no id is like that.
    await storage.clear({ all: true })
    for (const query of ['id=%ff%fe', 'id=%ed%a0%80', 'id=%', 'id', 'ID=a']) {
      const reply = await studio.get(`${studio.base}conversation?${query}`, { Cookie: studio.cookie })
      expect(reply.status === 400 || reply.json.isThere === false).toBe(true)
    }
  })

  it('may be no state: then that is said, and its text is sent as it is', async () => {
    const storage = new MemoryStorage()
    const studio = await enter(storage)
    const texts = {
      'it is not JSON': ['', '{', '{"conversationId":"a"', 'null,', '\u0000'],
      'it is JSON, but no conversation state': ['null', '[]', '"a"', '{}', '{"__proto__":{"conversationId":"a"}}'],
      'it is the state of another conversation': ['{"conversationId":"b","currentStep":"x"}', '{"conversationId":1}'],
    }
    for (const [problem, all] of Object.entries(texts)) {
      for (const text of all) {
        await plant(storage, 'a', text)
        const { json } = await studio.ask('conversation', { id: 'a' })
        expect([text, json.problem, json.raw.text]).toEqual([text, problem, text])
        expect((await studio.ask('text', { id: 'a' })).body).toBe(text)
      }
    }
  })

  it('may be a file that is not UTF-8, or a planted link, which is not followed', async () => {
    const dir = join(await temporaryDirectory(), 'states')
    const storage = new FileStorage({ dir })
    await storage.save(sample('b'))
    mkdirSync(join(dir, 'directory.json'))
    writeFileSync(join(dir, 'broken.json'), Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22]))
    writeFileSync(join(dir, '..', 'secret.txt'), Buffer.from([0x73, 0x65, 0x63, 0x72, 0x65, 0x74, 0xff]))
    symlinkSync(join('..', 'secret.txt'), join(dir, 'link.json'))
    const studio = await enter(storage)
    const broken = (await studio.ask('conversation', { id: 'broken' })).json
    expect(broken.problem).toMatch(/broken\.json holds something that is not UTF-8 text/)
    expect(broken.raw.text).toBe('{"\ufffd\ufffd"')
    for (const id of ['link', 'directory']) {
      const { json } = await studio.ask('conversation', { id })
      expect([typeof json.problem, json.raw.text]).toEqual(['string', ''])
      expect((await studio.ask('text', { id })).body).toBe('')
    }
  })

  it('may have any members: none of them has to be of its type', () => {
    const values = [undefined, null, true, 0, '', 'x', [], {}, [[]], [null, 1, 'x', [], { role: 1 }, { content: {} }]]
    for (const history of values) {
      for (const slots of values) {
        const state = { conversationId: 'a', currentStep: history, slots, history, ended: slots, createdAt: {} }
        const view = viewOf('a', JSON.stringify(state), 100)
        expect(view.problem).toBeUndefined()
        for (const { role, content } of view.history.entries) {
          expect([typeof role, typeof content.text]).toEqual(['string', 'string'])
        }
        for (const { name, value } of view.slots.rows) {
          expect([typeof name.text, typeof value.text]).toEqual(['string', 'string'])
        }
      }
    }
    const text = '{"conversationId":"a","slots":{"__proto__":{"x":1},"constructor":2}}'
    expect(viewOf('a', text, 100).slots.rows.map(({ name }: { name: { text: string } }) => name.text)).toEqual([
      '__proto__',
      'constructor',
    ])
    // V8 itself refuses to go deeper than some thousand levels when it writes.
    const deep = `{"conversationId":"a","slots":{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`
    expect(viewOf('a', deep, 100).slots.rows[0].type).toBe('array')
  })

  it('may be of any size: what is sent has bounds, and lone surrogates stay whole pairs', async () => {
    // As a command opens it: nothing is remembered of what is that large.
    const storage = new MemoryStorage({ snapshots: 0 })
    const entry = (content: string) => ({ role: 'user' as const, content })
    const many = Array.from({ length: 100_000 }, (_, at) => entry(`message ${at}`))
    await storage.save({ ...sample('many'), history: many })
    await storage.save({ ...sample('large'), history: [entry('💬'.repeat(2_500_000)), entry('\ud800 alone')] })
    await storage.save({ ...sample('all'), history: Array.from({ length: 200 }, () => entry('x'.repeat(25_000))) })
    const slots = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`slot ${at}`, 'y'.repeat(3_000)]))
    await storage.save({ ...sample('slots'), slots })
    const studio = await enter(storage)
    const sizes: number[] = []
    const ask = async (id: string, entries: string) => {
      const { body, json } = await studio.ask('conversation', { id, entries })
      sizes.push(body.length)
      return json
    }
    const last = (await ask('many', '100')).history
    expect([last.total, last.first, last.entries.length]).toEqual([100_000, 99_900, 100])
    expect(last.entries[99]).toEqual({ role: 'user', content: { text: 'message 99999', length: 13 } })
    expect((await ask('many', '9999999')).history.entries).toHaveLength(2_000)
    const [large, alone] = (await ask('large', '100')).history.entries
    expect(large.content.length).toBe(5_000_000)
    expect(large.content.text).toBe('💬'.repeat(10_000))
    expect(alone.content.text).toBe('\ud800 alone')
    const all = (await ask('all', '2000')).history
    expect(all.entries.length).toBeLessThan(100)
    expect(all.first + all.entries.length).toBe(200)
    const rows = (await ask('slots', '100')).slots
    expect([rows.total, rows.rows.length, rows.rows[0].value.text.length]).toEqual([20_000, 500, 2_000])
    for (const size of sizes) expect(size).toBeLessThan(3_000_000)
    // The whole of it has an address of its own, byte for byte.
    const { body, headers } = await studio.ask('text', { id: 'large' })
    // Compared here: a difference of 10 MB is nothing to print.
    expect(body === JSON.stringify(await storage.load('large'))).toBe(true)
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  it('is read one after another, and no more wait than a browser asks for', async () => {
    const storage = new MemoryStorage()
    await storage.save(sample('a'))
    const conversations = new Conversations(storage, 'a store')
    const id = new URLSearchParams({ id: 'a' })
    const asked = Array.from({ length: 60 }, (_, at) =>
      at % 2 === 0 ? conversations.view(id) : conversations.text(id),
    )
    const outcomes = await Promise.allSettled(asked)
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason.status)
    expect(refused).toEqual(Array.from({ length: 44 }, () => 503))
    expect((await conversations.view(id)).isThere).toBe(true)
  })
})
