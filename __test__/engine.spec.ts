import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { FlowEngine } from '../examples/engine.mjs'
import { pizza } from '../examples/pizza.mjs'
import { PostgresStorage } from '../examples/postgres-storage.js'
import { type MemoryStorage, type Slots, type StorageAdapter, sequentialize } from '../index.js'
import { openPlace } from './support/open.mjs'
import { type PostgresServer, startPostgres } from './support/postgres-server.js'
import { type Name, PAIRS } from './support/references.js'
import { ADAPTERS, VARIANTS } from './support/subjects.js'

type Adapter = MemoryStorage
type Handle = (engine: FlowEngine, storage: Adapter, text: string) => Promise<unknown>

let postgres: PostgresServer

beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres?.stop())

/** Opens an adapter on one place at each call, as a process would that was started again. */
type Reopen = () => StorageAdapter

const PLACES: [string, () => Promise<Reopen>][] = [
  ...[...ADAPTERS, ...VARIANTS].map((subject): [string, () => Promise<Reopen>] => [
    subject.name,
    async () => {
      const place = await subject.makePlace()
      const first = openPlace(place)
      // What is only in memory has no second process.
      return () => (subject.persistent ? openPlace(place) : first)
    },
  ]),
  ...(Object.keys(PAIRS) as Name[]).flatMap((name): [string, () => Promise<Reopen>][] => [
    [
      `reference: ${name}`,
      async () =>
        PAIRS[name]().then(
          ({ reference }) =>
            () =>
              reference,
        ),
    ],
    [
      `ours beside the reference: ${name}`,
      async () =>
        PAIRS[name]().then(
          ({ ours }) =>
            () =>
              ours,
        ),
    ],
  ]),
  [
    'PostgresStorage',
    async () => {
      const pool = postgres.openPool()
      await pool.query(PostgresStorage.schema)
      pool.on('error', () => {}) // The server goes before the pool does.
      return () => new PostgresStorage(pool)
    },
  ],
]

const ANA = 'whatsapp:+573001234567'
const BEN = 'user-42-../../ben 💬'

/** Two conversations that take turns. Each line is who says what; then what the bot says. */
const SCRIPT: [string, string, string][] = [
  [ANA, ' Ana ', 'Nice to meet you, Ana. Which size: small, medium or large?'],
  [BEN, 'Ben "\u2028" \\', 'Nice to meet you, Ben "\u2028" \\. Which size: small, medium or large?'],
  [ANA, 'the biggest you have', 'Small, medium or large?'],
  [BEN, 'huge', 'Small, medium or large?'],
  [ANA, 'Large, then', 'One large pizza. Shall I order it?'],
  [BEN, 'gigantic', 'Small, medium or large?'],
  [ANA, 'no', 'Small, medium or large?'],
  [BEN, 'enormous', 'I will hand you over to a colleague.'],
  [BEN, 'hello?', 'This conversation is over.'],
  [ANA, 'medium', 'One medium pizza. Shall I order it?'],
  [ANA, 'yes please', 'Thank you, Ana! Your medium pizza is on its way. 🍕'],
  [ANA, 'thanks', 'This conversation is over.'],
]

const WELCOME = 'Hi! What is your name?'

describe.each(PLACES)('a conversation of the engine on %s', (_name, makePlace) => {
  it('branches, sets slots, hands over, ends, and is forgotten', async () => {
    const reopen = await makePlace()
    const opened: StorageAdapter[] = []
    const engine = () => {
      const storage = reopen()
      opened.push(storage)
      return new FlowEngine(pizza, { storage })
    }

    const first = engine()
    expect(await first.getState(ANA)).toBe(null)
    expect(await first.getSlots(ANA)).toEqual({})
    expect(await first.getSlot(ANA, 'user_name')).toBe(undefined)
    await expect(first.handle(ANA, 'hi')).rejects.toThrow(/no conversation/)
    await expect(first.setSlot(ANA, 'verified', true)).rejects.toThrow(/no conversation/)
    const began = Date.now()
    expect(await first.start(ANA)).toEqual({ message: WELCOME })
    expect(await first.start(BEN)).toEqual({ message: WELCOME })

    const said = { [ANA]: [WELCOME], [BEN]: [WELCOME] } as Record<string, string[]>
    for (const [session, message, answer] of SCRIPT) {
      // Another process takes each turn.
      expect(await engine().handle(session, message)).toEqual({ message: answer })
      if (!answer.endsWith('is over.')) said[session]?.push(message, answer)
    }

    const last = engine()
    const { history, createdAt, updatedAt, ...ana } = (await last.getState(ANA)) ?? expect.fail('Ana is unknown')
    expect(ana).toEqual({
      conversationId: ANA,
      currentStep: 'done',
      slots: { user_name: 'Ana', _attempts: 1, size: 'medium', confirmed: true },
      ended: true,
    })
    expect(history.map(({ content }) => content)).toEqual(said[ANA])
    expect(history.map(({ role }) => role).join(' ')).toMatch(/^assistant( user assistant)+$/)
    expect(createdAt).toBeGreaterThanOrEqual(began)
    expect(updatedAt).toBeGreaterThanOrEqual(createdAt)

    expect(await last.getState(BEN)).toMatchObject({ currentStep: 'handoff', ended: true })
    expect((await last.getState(BEN))?.history.map(({ content }) => content)).toEqual(said[BEN])
    expect(await last.getSlot(BEN, '_handoff')).toEqual({ reason: 'no size understood' })
    await last.setSlot(BEN, '_handoff', { reason: 'taken', by: ['Carla', null] })
    await last.setSlot(BEN, 'verified', true)
    expect(await engine().getSlots(BEN)).toEqual({
      user_name: 'Ben "\u2028" \\',
      _attempts: 3,
      _handoff: { reason: 'taken', by: ['Carla', null] },
      verified: true,
    })
    expect(await last.getSlot(ANA, 'verified')).toBe(undefined)

    // Takes it up where it was left, and once deleted begins anew.
    expect(await last.start(ANA)).toEqual({ message: said[ANA]?.at(-1) })
    await last.delete(ANA)
    expect(await engine().getState(ANA)).toBe(null)
    expect(await last.start(ANA)).toEqual({ message: WELCOME })
    expect(await last.getSlots(ANA)).toEqual({})
    expect((await last.getState(BEN))?.ended).toBe(true)
    await last.delete(ANA)
    await last.delete(BEN)
    await last.delete(BEN)
    for (const storage of new Set(opened)) await (storage as { close?(): Promise<void> }).close?.()
  })
})

/** A bot that keeps what it is told, and a model that takes its time. */
const NOTES = {
  start: 'listen',
  steps: {
    listen: {
      ask: () => 'noted',
      answer(text: string, slots: Slots): undefined {
        slots.notes = [...((slots.notes ?? []) as string[]), text]
      },
    },
  },
}
const llm = { complete: (text: string) => new Promise<string>((resolve) => setTimeout(resolve, 2, text)) }
const MESSAGES = Array.from({ length: 20 }, (_, index) => `m${index}`)

describe.each([...ADAPTERS, ...VARIANTS].filter(({ locks }) => locks))('20 messages at once on $name', (subject) => {
  /** Sends all messages at once to a conversation. Returns what was kept of them. */
  async function send(wrap: (engine: FlowEngine, storage: Adapter) => FlowEngine, handle?: Handle) {
    const storage = openPlace(await subject.makePlace()) as Adapter
    const engine = wrap(new FlowEngine(NOTES, { llm, storage }), storage)
    await engine.start('u')
    await Promise.all(MESSAGES.map((text) => (handle ? handle(engine, storage, text) : engine.handle('u', text))))
    const { notes } = (await engine.getSlots('u')) as { notes: string[] }
    await storage.close()
    return notes
  }

  it('loses most without a lock', async () => {
    expect((await send((engine) => engine)).length).toBeLessThan(20)
  })

  it('keeps all inside withLock, in order', async () => {
    const locked: Handle = (engine, storage, text) => storage.withLock('u', () => engine.handle('u', text))
    expect(await send((engine) => engine, locked)).toEqual(MESSAGES)
  })

  it('keeps all through a sequentialized engine, and the slots that are set meanwhile', async () => {
    const storage = openPlace(await subject.makePlace()) as Adapter
    const engine = sequentialize(new FlowEngine(NOTES, { llm, storage }), storage)
    await engine.start('u')
    await Promise.all([
      ...MESSAGES.map((text) => engine.handle('u', text)),
      ...MESSAGES.map((text) => engine.setSlot('u', text, true)),
    ])
    const { notes, ...slots } = await engine.getSlots('u')
    expect(notes).toEqual(MESSAGES)
    expect(Object.keys(slots).sort()).toEqual([...MESSAGES].sort())
    await storage.close()
  })
})
