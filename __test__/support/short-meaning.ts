// What `JSON` makes of a state.
import type { Anything } from './hostile-values.js'

/** Returns what must be stored; `undefined` if the state must be refused. */
export function meaning(state: Anything): string | undefined {
  try {
    let text = JSON.stringify(state)
    if (!text.isWellFormed()) {
      text = text.replace(/\p{Surrogate}/gu, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`)
    }
    const isPlain = text.startsWith('{"conversationId":"')
    return isPlain || Object.hasOwn(JSON.parse(text), 'conversationId') ? text : undefined
  } catch {
    return undefined
  }
}

/** Returns what must be loaded; `undefined` if it is corrupt. */
export function parsed(text: string, id: string): Anything {
  try {
    const state = JSON.parse(text)
    return state !== null && typeof state === 'object' && state.conversationId === id ? state : undefined
  } catch {
    return undefined
  }
}

/** A copy with plain members only. */
export function copyOf(state: Anything): Anything {
  const copy = JSON.parse(meaning(state) ?? 'null') ?? { conversationId: state.conversationId, history: [] }
  return Array.isArray(copy.history) ? copy : { ...copy, history: [] }
}

/** Waits for how a promise ends. */
export async function caught(promise: Promise<unknown>): Promise<{ value?: Anything; error?: Anything }> {
  try {
    return { value: await promise }
  } catch (error) {
    return { error }
  }
}
