// What looks like a state of `short-form.ts` and is something else, and what another program makes of its text.
import type { Anything } from './hostile-values.js'
import { ofAnother, pick, plainEntry, type Random } from './short-form.js'

/** Returns the state, or something strange that is written as a state is. */
export function disguise(random: Random, given: Anything): Anything {
  const state = { ...given }
  const { history } = state
  switch (random(200)) {
    case 0:
      return new Proxy(state, {})
    case 1:
      return Object.assign(Object.create({ inherited: 1 }), state)
    case 2:
      return Object.assign(Object.create(null), state)
    case 3:
      return { ...state, toJSON: () => ({ conversationId: state.conversationId, history: [] }) }
    case 4:
      return Object.defineProperty(state, 'history', { enumerable: true, get: () => history })
    case 5:
      return Object.defineProperty(state, 'history', { enumerable: false, value: history })
    case 6:
      return { ...state, history: new Proxy(history ?? [], {}) }
    case 7:
      return { ...state, history: Object.assign([...(history ?? [])], { toJSON: () => [1] }) }
    case 8:
      return { ...state, history: class Own extends Array {}.from(history ?? []) }
    case 9:
      return { ...state, history: Object.assign([], { 3: plainEntry(random), 1: plainEntry(random) }) }
    case 10:
      return { ...state, history: { ...history, length: 1 } }
    case 11:
      return { ...state, history: undefined }
    case 12: {
      const { history: _, ...rest } = state
      return rest
    }
    case 13:
      return { ...state, history: pick(random, [null, 'history', 1, { 0: plainEntry(random) }]) }
    case 14:
      return Object.defineProperty(state, '__proto__', { value: { history: [] }, enumerable: true })
    case 15:
      return { ...state, history: Object.assign([...(history ?? [])], { extra: 1 }) }
    case 16:
      return Object.assign(new Number(1), state)
    case 17:
      return { ...state, history: [...(history ?? []), 1n] }
    case 18:
      return { ...state, big: 1n }
    case 19:
      return Object.assign(ofAnother('({})'), state)
    case 20:
      return { ...state, history: Object.assign(ofAnother('[]'), history) }
    case 21:
      return Object.freeze({ ...state, history: Object.freeze([...(history ?? [])]) })
    case 22: {
      const copy = [...(history ?? [])]
      const [first] = copy
      return { ...state, history: Object.defineProperty(copy, 0, { enumerable: true, get: () => first }) }
    }
    case 23:
      return { ...state, [Symbol('hidden')]: history, history: history && [...history, ...history] }
    case 24: {
      // It returns another history each time.
      let asked = 0
      const other = [plainEntry(random)]
      const get = () => (asked++ % 2 === 0 ? other : [...other])
      return Object.defineProperty(state, 'history', { enumerable: true, get })
    }
    default:
      return given
  }
}

/** Defines a `toJSON` where every object inherits it, now and then. Returns what takes it away again. */
export function polluted(random: Random): () => void {
  if (random(300) > 0) return () => {}
  const place = pick(random, [Object.prototype, Array.prototype, String.prototype]) as Anything
  const replace = pick(random, [
    function (this: Anything) {
      return Array.isArray(this) ? [1] : this
    },
    () => 'replaced',
  ])
  Object.defineProperty(place, 'toJSON', { configurable: true, value: replace })
  return () => delete place.toJSON
}

/** Returns the text of a state as another program might write it, or something that is no state. */
export function foreignText(random: Random, text: string): string {
  const state = JSON.parse(text)
  const { history } = state
  const again = (member: string) => `${text.slice(0, -1)},${member}}`
  switch (random(12)) {
    case 0:
      return JSON.stringify(state, null, 1)
    case 1:
      return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    case 2:
      return again('"history":[]')
    case 3:
      return again(`"hist\\u006fry":${JSON.stringify([{ role: 'a', content: 'b' }])}`)
    case 4:
      return text.slice(0, random(text.length + 1))
    case 5:
      return text.replace(/\},\{/, '},,{')
    case 6:
      return text.replace(/\}\]/, '},]')
    case 7:
      return text.replace(/":\[/g, '": [')
    case 8:
      return `{"history":[],"slots": ${text},${text.slice(1)}`
    case 9:
      return text.replace(/"content":"([^"\\]*)"/g, '"content":"$1","content":"$1"')
    case 10:
      return JSON.stringify({ ...state, history: Array.isArray(history) ? history.slice(random(3)) : 0 })
    default:
      return JSON.stringify({
        ...state,
        history: [...(Array.isArray(history) ? history : []), { role: 'user', content: 'by another program' }],
      })
  }
}
