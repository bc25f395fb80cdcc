// Random operations on one place through several storages, against a model: what is stored is what `JSON.stringify` makes, what
// is loaded is what `JSON.parse` makes of it.
import { isDeepStrictEqual } from 'node:util'

import type { Anything } from './hostile-values.js'
import { LostReplies, writtenOf } from './lost-replies.js'
import { rawOf, type Storage } from './short-calls.js'
import { edit, newState, numbers, type Random } from './short-form.js'
import { disguise, foreignText, polluted } from './short-form-odd.js'
import { caught, copyOf, meaning, parsed } from './short-meaning.js'

export interface Subject {
  /** Of one place. */
  storages: Storage[]
  /** One more, whose conversations may be locked: then each of its states travels whole. */
  locking?: Storage
  /** Replaces what is stored, as another program does; absent if none can. */
  write?: (id: string, text: string) => Promise<unknown>
  /** Returns what is stored, past the storages; absent if only they can tell. */
  read?: (id: string) => Promise<string | null | undefined>
  /** Makes trouble that a storage must survive. Resolves to what ends it. */
  disturb?: () => Promise<() => Promise<unknown>>
  /** Seconds until a conversation expires; absent for never. */
  ttl?: number
  refreshOnLoad?: boolean
  /** Lets so many seconds pass. */
  pass?: (seconds: number) => void
}

/** How many steps a storage lives for. */
const STEPS_PER_ROUND = 5_000

const IDS = ['a', 'b', 'c', 'd "quoted"']

type Verify = () => Promise<void>

class Run {
  steps = 0
  #random: Random
  #stored = new Map<string, string>()
  #states = new Map<string, Anything>()
  #expiries = new Map<string, number>()
  #now = 0
  #lost = new LostReplies()
  #subject: Subject

  constructor(subject: Subject, seed: number) {
    this.#subject = subject
    this.#random = numbers(seed)
  }

  /** Continues with other storages on the same place, or on an empty one. */
  reopen(subject: Subject, isEmpty: boolean) {
    this.#subject = subject
    if (isEmpty) this.#stored.clear()
  }

  async step() {
    this.steps++
    const random = this.#random
    const id = IDS[random(IDS.length)] as string
    const storage = this.#any()
    switch (random(60)) {
      case 0:
        await this.#delete(storage, id)()
        break
      case 1:
        await this.#foreign(id)
        await this.#load(this.#any(), id)()
        break
      case 2: {
        // Several in one tick: they take effect in the order of the calls.
        const verifies: Verify[] = []
        for (let count = 2 + random(4); count > 0; count--) verifies.push(this.#operation(storage, id))
        for (const verify of verifies) await verify()
        break
      }
      case 3:
        await this.#nested(storage, id)
        break
      case 4:
        if (this.#subject.locking !== undefined) await this.#locked(this.#subject.locking, id)
        break
      case 5:
        if (this.#subject.pass !== undefined && random(8) === 0) {
          // Far from the time to live, whatever a slow machine adds.
          const seconds = 30 * random(4)
          this.#now += seconds
          this.#subject.pass(seconds)
        }
        break
      case 6:
        if (this.#subject.disturb !== undefined && random(4) === 0) {
          const end = await this.#subject.disturb()
          this.#lost.begin()
          const verifies = [this.#operation(storage, id), this.#operation(storage, id), this.#operation(storage, id)]
          for (const verify of verifies) await verify()
          this.#lost.end()
          await end()
        }
        break
      default:
        await this.#operation(storage, id)()
    }
    if (random(4) === 0 || this.#subject.read === undefined) await this.#check(id)
  }

  #operation(storage: Storage, id: string): Verify {
    const random = this.#random
    if (!this.#states.has(id)) this.#states.set(id, newState(random, id))
    switch (random(16)) {
      case 0:
        this.#states.set(id, newState(random, id))
        return this.#save(storage, this.#states.get(id))
      case 1:
        return this.#touch(storage, id)
      case 2:
        return random(8) === 0 ? this.#delete(storage, id) : this.#load(storage, id)
      case 3:
      case 4:
      case 5:
      case 6:
        return this.#load(storage, id)
      default: {
        const edited = edit(random, this.#states.get(id))
        this.#states.set(id, edited)
        return this.#save(storage, disguise(random, edited))
      }
    }
  }

  #any() {
    const { storages, locking } = this.#subject
    const place = this.#random(storages.length * 4 + (locking === undefined ? 0 : 1))
    return (storages[Math.floor(place / 4)] ?? locking) as Storage
  }

  /** Returns what is stored at this moment. */
  #get(id: string): string | undefined {
    if ((this.#expiries.get(id) ?? Number.POSITIVE_INFINITY) <= this.#now) this.#set(id, undefined)
    return this.#stored.get(id)
  }

  #set(id: string, text: string | undefined) {
    this.#lost.note(text)
    if (text === undefined) {
      this.#stored.delete(id)
      this.#expiries.delete(id)
    } else {
      this.#stored.set(id, text)
      this.#renew(id)
    }
  }

  #renew(id: string) {
    const { ttl } = this.#subject
    if (ttl !== undefined) this.#expiries.set(id, this.#now + ttl)
  }

  #load(storage: Storage, id: string): Verify {
    const text = this.#get(id)
    const later = this.#lost.later()
    if (this.#subject.refreshOnLoad && text !== undefined) this.#renew(id)
    const promise = caught(storage.load(id))
    return async () => {
      const { value, error } = await promise
      const written = JSON.stringify(value)
      if (error === undefined && later((other) => written === writtenOf(other, id))) return
      // Most often it is the text itself, and nothing has to be parsed.
      if (written !== (text ?? 'null') || this.#random(8) === 0) {
        const expected = text === undefined ? null : parsed(text, id)
        if (expected === undefined) {
          if (error?.code !== 'ERR_STORAGE_CORRUPT') this.#differ('loaded what is corrupt', value ?? error, text)
          return
        }
        if (error !== undefined) this.#differ('a load failed', error, text)
        // As text too: the order of keys counts.
        if (written !== JSON.stringify(expected)) this.#differ('loaded', written, JSON.stringify(expected))
        if (!isDeepStrictEqual(value, expected)) this.#differ('deeply', value, expected)
      }
      if (value !== null) this.#states.set(id, value)
    }
  }

  #save(storage: Storage, state: Anything): Verify {
    const restore = polluted(this.#random)
    let promise: ReturnType<typeof caught>
    let text: string | undefined
    try {
      text = meaning(state)
      promise = caught(storage.save(state))
    } finally {
      restore()
    }
    const { conversationId: id } = state
    if (text !== undefined) this.#set(id, text)
    // The state is read within the call.
    if (this.#random(3) === 0 && Array.isArray(state.history) && !Object.isFrozen(state.history)) {
      state.history.push({ role: 'late', content: 'late' })
    }
    return async () => {
      const { error } = await promise
      if (text !== undefined ? error !== undefined : error?.code !== 'ERR_STORAGE_INVALID_STATE') {
        this.#differ('a save ended with', error, text)
      }
    }
  }

  #delete(storage: Storage, id: string): Verify {
    this.#set(id, undefined)
    const promise = storage.delete(id)
    return () => promise
  }

  #touch(storage: Storage, id: string): Verify {
    const expected = this.#get(id) !== undefined
    const later = this.#lost.later()
    if (expected) this.#renew(id)
    const promise = storage.touch(id)
    return async () => {
      const found = await promise
      if (found === expected || later((text) => (text !== undefined) === found)) return
      this.#differ('touched', found, expected)
    }
  }

  /** A state that saves itself while it is written. */
  async #nested(storage: Storage, id: string) {
    const random = this.#random
    const state = this.#states.get(id)
    if (state === undefined) return
    const inner = edit(random, copyOf(state))
    let nested: Promise<unknown> | undefined
    const slot = {
      toJSON() {
        nested ??= storage.save(inner)
        return 'saved'
      },
    }
    const outer = random(2) === 0 ? { ...state, slot } : { conversationId: id, slot, ...state }
    await caught(storage.save(outer))
    await nested
    const text = meaning(outer)
    this.#set(id, text ?? meaning(inner))
  }

  async #locked(storage: Storage, id: string) {
    const text = this.#get(id)
    if (text === undefined || parsed(text, id) === undefined) return
    let changed: string | undefined
    await storage.update(id, (state: Anything) => {
      const edited = edit(this.#random, state)
      changed = meaning(edited)
      return edited
    })
    this.#set(id, changed)
  }

  /** Another program writes. */
  async #foreign(id: string) {
    const text = this.#get(id)
    if (this.#subject.write === undefined || !/^\w+$/.test(id) || text === undefined || parsed(text, id) === undefined)
      return
    const other = foreignText(this.#random, text)
    await this.#subject.write(id, other)
    this.#set(id, other)
  }

  async #check(id: string) {
    const text = this.#get(id)
    const { read, storages } = this.#subject
    const stored = read === undefined ? await rawOf(storages[0] as Storage, id) : await read(id)
    if ((stored ?? undefined) !== text) this.#differ('stored', stored, text)
  }

  #differ(what: string, found: unknown, expected: unknown): never {
    throw new Error(`step ${this.steps}: ${what}\n${show(found)}\nand not\n${show(expected)}`)
  }
}

/** Does random steps until the time is over. Returns how many. */
export async function fuzz(open: () => Promise<{ subject: Subject; isEmpty: boolean }>, seed: number, seconds: number) {
  const end = performance.now() + seconds * 1000
  let run: Run | undefined
  do {
    const { subject, isEmpty } = await open()
    if (run === undefined) run = new Run(subject, seed)
    else run.reopen(subject, isEmpty)
    for (let step = 0; step < STEPS_PER_ROUND && performance.now() < end; step++) await run.step()
    for (const storage of [...subject.storages, ...(subject.locking === undefined ? [] : [subject.locking])]) {
      await storage.close()
    }
  } while (performance.now() < end)
  return run.steps
}

const show = (value: unknown) =>
  (typeof value === 'string' ? value : String(JSON.stringify(value) ?? value)).slice(0, 3000)
