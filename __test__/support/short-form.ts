// States and edits for the test of the short form: what an engine does to a conversation, and what nobody should.
import { createContext, runInContext } from 'node:vm'

import type { Anything } from './hostile-values.js'

/** Returns a generator of whole numbers from 0 to below `end` (mulberry32). */
export function numbers(seed: number) {
  let value = seed
  return (end: number) => {
    value = (value + 0x6d2b79f5) | 0
    let mixed = Math.imul(value ^ (value >>> 15), 1 | value)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * end)
  }
}

export type Random = ReturnType<typeof numbers>

export const pick = <T>(random: Random, from: readonly T[]) => from[random(from.length)] as T

const TEXTS = [
  '',
  'hello',
  'a "quoted" \\ text',
  'mañana 💬 señor',
  '\u0000\u0001\b\t\n\v\f\r\u001f\u007f',
  '\u2028\u2029\ufeff',
  '{"role":"user","content":"x"}',
  '"history":[',
  '],"history":[',
  '日本語のテキスト',
]

function text(random: Random): string {
  switch (random(12)) {
    case 0:
      return 'x'.repeat(random(100) === 0 ? 20_000 : 300)
    case 1:
      return String(random(1e9))
    case 2:
      return `${pick(random, TEXTS)}${pick(random, TEXTS)}`
    case 3:
      // Slices of something long.
      return 'the history of a long conversation '.repeat(40).slice(random(100), 100 + random(200))
    case 4:
      return random(6) === 0 ? pick(random, ['\ud800', 'a\udc00b', '\udc00\ud800']) : 'plain'
    default:
      return pick(random, TEXTS)
  }
}

export const plainEntry = (random: Random): Anything => ({
  role: pick(random, ['user', 'assistant', 'user', 'assistant', text(random)]),
  content: text(random),
})

/** Makes a value of another realm. */
const other = createContext()
export const ofAnother = (literal: string): Anything => runInContext(literal, other)

class Entry {
  constructor(
    readonly role: string,
    readonly content: string,
  ) {}
}

/** JSON that `JSON.parse` could not give back, where this version of Node.js has it. */
const raw = (random: Random): Anything =>
  'rawJSON' in JSON
    ? (JSON as Anything).rawJSON(pick(random, ['12345678901234567890', '1.0', '1E400', '"\\u0041\\/"', '"\ud800"']))
    : 1e21

/** Entries of which some only look like plain ones. */
function oddEntry(random: Random): Anything {
  const entry = plainEntry(random)
  const { role, content } = entry
  switch (random(33)) {
    case 24:
      // An inherited member is not written.
      return Object.create(entry)
    case 25:
      return Object.assign(Object.create({ content }), { role })
    case 26:
      return { at: 0, toJSON: (index: string) => ({ role, content, index }) }
    case 27:
      return { role, content, toJSON: (index: string) => ({ role: index, content, toJSON: () => 'twice' }) }
    case 28:
      return raw(random)
    case 29:
      return { role, content: raw(random) }
    case 30:
      return Object.assign(ofAnother('({})'), entry)
    case 31:
      return Object.assign(() => {}, { toJSON: (index: string) => index })
    case 0:
      return { ...entry, id: random(100) }
    case 1:
      return { content, role }
    case 2:
      return { role }
    case 3:
      return { role, content: random(5) }
    case 4:
      return { role, content: undefined }
    case 5:
      return { ...entry, toJSON: () => 'replaced' }
    case 6:
      return Object.defineProperty(entry, 'toJSON', { value: () => ({ role: 'replaced' }) })
    case 7:
      return Object.defineProperty({ role }, 'content', { enumerable: true, get: () => content })
    case 8:
      return Object.defineProperty({ role }, 'content', { enumerable: false, value: content })
    case 9:
      return new Proxy(entry, {})
    case 10:
      return new Entry(role, content)
    case 11:
      return Object.assign(Object.create(null), entry)
    case 12:
      return Object.assign(Object.create({ toJSON: () => 1 }), entry)
    case 13:
      return [role, content]
    case 14:
      return Object.setPrototypeOf(Object.assign([], entry), Object.prototype)
    case 15:
      return { ...entry, [Symbol('hidden')]: 1 }
    case 16:
      return { ...entry, 1: 'a number as key' }
    case 17:
      return Object.defineProperty({ ...entry }, '__proto__', { value: 1, enumerable: true })
    case 18:
      return Object.assign(() => {}, entry)
    case 19:
      return Object.setPrototypeOf(
        Object.assign(() => {}, entry),
        Object.prototype,
      )
    case 20:
      return { role, content: new String(content) }
    case 21:
      return { role, content: { toString: () => content } }
    case 22:
      return Object.assign(new Number(1), entry)
    case 23:
      return Object.freeze(entry)
    default:
      return pick(random, [null, undefined, 1, 'text', true, new Date(0), [], {}, Symbol('none')])
  }
}

const entry = (random: Random) => (random(40) === 0 ? oddEntry(random) : plainEntry(random))

const times = <T>(count: number, make: () => T) => Array.from({ length: count }, make)

/** Returns a new state with some history. */
export function newState(random: Random, id: string): Anything {
  const history = times(random(4) === 0 ? 60 : random(20), () => entry(random))
  const slots = { history: [plainEntry(random)], name: text(random), '"history":[': [1, { history: [] }] }
  const members: [string, Anything][] = [
    ['currentStep', 'step'],
    ['slots', slots],
    ['history', history],
    ['ended', false],
    ['createdAt', 1.5e12],
  ]
  if (random(6) === 0) members.splice(random(members.length), 0, ['history ', [plainEntry(random)]])
  if (random(6) === 0) members.splice(random(members.length), 0, ['tags', ['a', null, -0, 1e21, 1e-7]])
  if (random(20) === 0) members.splice(random(members.length), 0, ['quo"ted\n', { history: 'x' }])
  if (random(20) === 0) members.push(['a\ud800b', 1], ['\udc00', { history: [] }])
  if (random(20) === 0) members.splice(random(members.length), 0, ['raw', raw(random)])
  if (random(20) === 0) members.push(['1', 'a number as key'])
  if (random(20) === 0) members.push(['undefined', undefined])
  if (random(8) === 0) members.reverse()
  return random(20) === 0
    ? Object.fromEntries([...members, ['conversationId', id]])
    : Object.fromEntries([['conversationId', id], ...members])
}

/** Changes a state as an engine does: nearly always it appends. Returns it, or a copy of it. */
export function edit(random: Random, given: Anything): Anything {
  let state = given
  if (!Array.isArray(state.history)) return { ...state, history: [] }
  const { history } = state
  state.updatedAt = random(1e9)
  switch (random(14)) {
    case 0:
      history.splice(0, random(history.length + 1))
      history.push(entry(random))
      break
    case 1:
      if (history.length > 0) history[random(history.length)] = entry(random)
      break
    case 2:
      if (history.length > 0) {
        const changed = history[random(history.length)]
        // Unlike an assignment, it leaves a getter as it is.
        if (Object.isExtensible(changed)) Reflect.set(changed, 'content', text(random))
      }
      break
    case 3:
      history.reverse()
      break
    case 4:
      state = { ...state, history: [...history, entry(random)] }
      break
    case 5:
      state = { ...state, history: history.map((one: Anything) => (isObject(one) ? { ...one } : one)) }
      break
    case 6:
      try {
        state = structuredClone(state)
      } catch {} // Functions cannot be cloned.
      break
    case 7:
      history.length = random(history.length + 1)
      break
    case 8:
      if (history.length > 0) history.push(history[random(history.length)])
      break
    case 9:
      state.slots = { ...state.slots, [text(random)]: plainEntry(random) }
      break
    default:
      history.push(...times(1 + random(2), () => entry(random)))
  }
  return state
}

const isObject = (value: Anything) => value !== null && typeof value === 'object'
