// What hostile arguments can do to a storage, checked against a model. `npm run fuzz -- --javascript --seconds 600` for longer.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage, StorageError } from '../index.js'
import { hostileIds } from '../testing/samples.js'
import { FakeClient } from './support/clients.js'
import { check, TIMEOUT } from './support/fuzzing.js'
import { type Anything, anyState, anyValue, type Recipe } from './support/hostile-values.js'

/** A `then` that settles its promise twice. */
const twice = (value: unknown) => (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => {
  resolve(value)
  reject(value)
}

/** The meaning of a state, as the contract says it: the text to be stored and whose it is. */
function meaning(state: Anything): { id: string; text: string } | undefined {
  if (state === null || typeof state !== 'object') return undefined
  try {
    const id = state.conversationId
    const text = JSON.stringify(state)
    if (!isId(id) || !Object.hasOwn(JSON.parse(text), 'conversationId')) return undefined
    return JSON.parse(text).conversationId === id ? { id, text } : undefined
  } catch {
    return undefined
  }
}

function isId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.isWellFormed() && Buffer.byteLength(id) <= 1024
}

interface Storage {
  load(id: string): Promise<unknown>
  save(state: Anything): Promise<void>
  delete(id: string): Promise<void>
  close(): Promise<void>
}

type Outcome = PromiseSettledResult<unknown>

/** Calls a method, which must neither throw nor return anything but a promise, and waits until it is settled. */
function call(method: () => Promise<unknown>): Promise<Outcome> {
  const promise = method()
  expect(promise).toBeInstanceOf(Promise)
  return Promise.allSettled([promise]).then(([outcome]) => outcome as Outcome)
}

function refusedWith(outcome: Outcome, ...codes: string[]) {
  if (outcome.status !== 'rejected') throw new Error(`it was done: ${inspect(outcome)}`)
  expect(outcome.reason).toBeInstanceOf(StorageError)
  expect(codes).toContain(outcome.reason.code)
}

let storages: Storage[]
let db: Database.Database
let dir: string

describe('operations', () => {
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flowkit-fuzz-'))
    db = new Database(':memory:')
    storages = [
      new MemoryStorage(),
      new FileStorage({ dir: `${dir}/files`, durable: false }),
      new FileStorage({ dir: `${dir}/pretty`, durable: false, pretty: true }),
      new SQLiteStorage({ path: `${dir}/states.db` }),
      new SQLiteStorage({ db }),
      new RedisStorage({ host: '127.0.0.1', port: inject('redisPort'), prefix: `${dir}:` }),
      new RedisStorage({ client: new FakeClient() }),
    ]
  })

  afterAll(async () => {
    await Promise.all(storages.map((storage) => storage.close()))
    db.close()
    await rm(dir, { recursive: true })
  })

  // Some ids that a careless mapping takes for each other, and one that nobody touches.
  const POOL = ['a', 'A', 'a/', ...hostileIds().filter((id) => id.length < 30)]
  let round = 0

  interface Command {
    kind: 'save' | 'load' | 'delete'
    argument: Recipe
    awaited: boolean
  }

  function command(ids: string[]): fc.Arbitrary<Command> {
    const id = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom(...ids).map(
          (one): Recipe =>
            () =>
              one,
        ),
      },
      anyValue(),
    )
    const state = fc.tuple(id, fc.constantFrom(...ids)).chain(([one, other]) => anyState(one, other))
    return fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('save' as const),
          argument: fc.oneof({ weight: 5, arbitrary: state }, anyValue()),
          awaited: fc.boolean(),
        }),
      },
      fc.record({ kind: fc.constantFrom('load' as const, 'delete' as const), argument: id, awaited: fc.boolean() }),
    )
  }

  it('settle, and change no other conversation', { timeout: TIMEOUT }, async () => {
    const plan = fc
      .tuple(fc.nat({ max: 6 }), fc.uniqueArray(fc.constantFrom(...POOL), { minLength: 3, maxLength: 3 }))
      .chain(([storage, names]) => {
        const ids = names.map((name) => `${name}#`)
        return fc.tuple(
          fc.constant(storage),
          fc.constant(names),
          fc.array(command(ids), { minLength: 1, maxLength: 10 }),
        )
      })
    await check(
      fc.asyncProperty(plan, async ([index, names, commands]) => {
        const storage = storages[index]
        if (storage === undefined) throw new Error('no such storage')
        round++
        // Every run has conversations of its own: they end in its number, which the placeholders stand for.
        const mine = new Map(names.map((name) => [`${name}#`, `${name}#${round}`]))
        const named = (value: Anything) => (typeof value === 'string' ? (mine.get(value) ?? value) : value)
        const model = new Map<string, string>()
        const canary = `canary#${round}`
        for (const id of [...mine.values(), canary]) {
          const text = JSON.stringify({ conversationId: id, first: true })
          model.set(id, text)
          await storage.save(JSON.parse(text))
        }
        const inner = `inner#${round}`
        const pending: Promise<void>[] = []
        const reenter = (): undefined => {
          model.set(inner, JSON.stringify({ conversationId: inner }))
          pending.push(storage.save({ conversationId: inner }))
        }
        for (const { kind, argument, awaited } of commands) {
          const done = perform(storage, model, kind, (act) => named(rename(argument(act), mine)), reenter)
          pending.push(done)
          if (awaited) await done
        }
        await Promise.all(pending)
        for (const id of [...mine.values(), canary, inner]) {
          const stored = await storage.load(id)
          expect(stored === null ? undefined : JSON.stringify(stored)).toBe(model.get(id))
        }
      }),
    )
  })

  /** Gives a made state the id of this run, where it can be given one. */
  function rename(state: Anything, mine: Map<string, string>): Anything {
    try {
      const own = Object.getOwnPropertyDescriptor(state, 'conversationId')
      const id = own?.writable && mine.get(own.value)
      if (id) state.conversationId = id
    } catch {} // No object, or one that cannot be asked. It keeps its placeholder, which is an id, too.
    return state
  }

  async function perform(
    storage: Storage,
    model: Map<string, string>,
    kind: Command['kind'],
    make: Recipe,
    reenter: () => undefined,
  ): Promise<void> {
    if (kind === 'save') {
      const meant = meaning(make(() => undefined))
      const outcome = call(() => storage.save(make(reenter)))
      if (meant !== undefined) model.set(meant.id, meant.text)
      const settled = await outcome
      if (meant === undefined) refusedWith(settled, 'ERR_STORAGE_INVALID_STATE', 'ERR_STORAGE_INVALID_ID')
      else expect(settled).toEqual({ status: 'fulfilled', value: undefined })
      return
    }
    const id = make(reenter)
    const expected = isId(id) ? model.get(id) : undefined
    const outcome = call(() => storage[kind](id))
    if (kind === 'delete' && isId(id)) model.delete(id)
    const settled = await outcome
    if (!isId(id)) refusedWith(settled, 'ERR_STORAGE_INVALID_ID')
    else if (kind === 'delete') expect(settled).toEqual({ status: 'fulfilled', value: undefined })
    else if (expected !== undefined) expect(JSON.stringify((settled as { value?: unknown }).value)).toBe(expected)
    else expect(settled.status).toBe('fulfilled')
  }

  it('on a hostile client settle with a StorageError or with what it answered', { timeout: TIMEOUT }, async () => {
    const answers: fc.Arbitrary<Recipe> = fc.oneof(
      anyValue(),
      anyValue().map(
        (value): Recipe =>
          (act) =>
            Promise.resolve(value(act)),
      ),
      anyValue().map(
        (value): Recipe =>
          (act) =>
            Promise.reject(value(act)),
      ),
      anyValue().map(
        (value): Recipe =>
          (act) => {
            throw value(act)
          },
      ),
      // Settles twice, or never.
      anyValue().map(
        (value): Recipe =>
          (act) =>
            Object.fromEntries([['then', twice(value(act))]]),
      ),
      fc.constant<Recipe>(() => new Promise(() => undefined)),
      fc.constant<Recipe>(async () => '{"conversationId":"x","whose":"x"}'),
      fc.constant<Recipe>(async () => Buffer.from('{"conversationId":"x"}')),
      fc.constant<Recipe>(async () => '{"conversationId":"another"}'),
    )
    await check(
      fc.asyncProperty(answers, answers, answers, async (get, set, del) => {
        const client = {
          get: () => get(() => undefined),
          set: () => set(() => undefined),
          del: () => del(() => undefined),
        }
        const storage = new RedisStorage({ client, timeout: 20 })
        const operations = [
          () => storage.save({ conversationId: 'x' } as Anything),
          () => storage.load('x'),
          () => storage.delete('x'),
        ]
        const outcomes = await Promise.all(operations.map(call))
        for (const [index, outcome] of outcomes.entries()) {
          if (outcome.status === 'rejected') {
            expect(outcome.reason).toBeInstanceOf(StorageError)
            expect(outcome.reason.code).toMatch(/^ERR_STORAGE_(UNAVAILABLE|TIMEOUT|CORRUPT|DENIED|INVALID_OPTIONS)$/)
          } else if (index === 1 && outcome.value !== null) {
            expect(outcome.value).toMatchObject({ conversationId: 'x' })
          }
        }
      }),
    )
  })
})
