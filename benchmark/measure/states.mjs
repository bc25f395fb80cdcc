// The states that are saved: a conversation whose history grows by one exchange a save and is cut at a size.

const WORDS = {
  ascii: 'yes no when order number invoice address tomorrow please thanks delivery payment Tuesday open closed'.split(
    ' ',
  ),
  latin: 'sí no cuándo pedido número factura dirección mañana señor gracias envío débito miércoles abierto café'.split(
    ' ',
  ),
  emoji: 'sí no cuándo pedido número factura 📦 mañana señor gracias 👍 débito miércoles abierto ☕'.split(' '),
}

/** The kinds of text: one byte a character in UTF-8, one in V8 but up to two in UTF-8, and two in V8. */
export const TEXTS = Object.keys(WORDS)

/**
 * A generator of numbers from 0 to 1 (mulberry32) that answers the same ones for the same seed: all subjects save the
 * same states.
 *
 * @param {number} seed
 */
export function randomNumbers(seed) {
  let value = seed
  return () => {
    value = (value + 0x6d2b79f5) | 0
    let mixed = Math.imul(value ^ (value >>> 15), 1 | value)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/**
 * One thing said: about 80 bytes of a user, about 220 of an assistant.
 *
 * @param {() => number} random
 * @param {string} text a name of {@link TEXTS}
 * @param {'user' | 'assistant'} role
 */
export function makeTurn(random, text, role) {
  const words = WORDS[text]
  const hex = () =>
    Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0')
  const length = (role === 'user' ? 3 : 18) + Math.floor(random() * (role === 'user' ? 6 : 16))
  // `join` makes flat strings, as those are that come from a network; concatenation would leave them to be made later.
  const content = Array.from({ length }, () => words[Math.floor(random() * words.length)]).join(' ')
  return { id: `${hex()}${hex()}`, role, content }
}

/**
 * States of the same conversation one exchange after the other, each of exactly `size` bytes of JSON: as much history
 * as fits, and a slot that takes the rest. Ids are 12 characters long in every operation.
 *
 * @param {{ size: number, count: number, text?: string, seed?: number }} options
 */
export function makeStates({ size, count, text = 'latin', seed = 1 }) {
  const random = randomNumbers(seed)
  const bytes = (value) => Buffer.byteLength(JSON.stringify(value))
  const empty = stateOf(0, [], '')
  const room = size - bytes(empty)
  /** @type {{ turn: object, size: number }[]} */
  const turns = []
  let used = 0
  let first = 0
  const add = () => {
    for (const role of /** @type {const} */ (['user', 'assistant'])) {
      const turn = makeTurn(random, text, role)
      turns.push({ turn, size: bytes(turn) + 1 })
      used += turns[turns.length - 1].size
    }
    while (used > room) used -= turns[first++].size
  }
  while (first === 0) add()
  const states = []
  for (let index = 0; index < count; index++) {
    add()
    const history = turns.slice(first).map(({ turn }) => turn)
    const state = stateOf(index, history, '')
    state.slots.notes = '.'.repeat(Math.max(0, size - bytes(state)))
    states.push(state)
  }
  return states
}

function stateOf(index, history, notes) {
  return {
    conversationId: conversationId(0),
    currentStep: `step-${String(index % 1000).padStart(3, '0')}`,
    slots: { name: 'Andrés', order: 4711, verified: true, notes },
    history,
    ended: false,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
  }
}

/** @param {number} index */
export function conversationId(index) {
  return `user-${String(index).padStart(7, '0')}`
}

/**
 * A state that was never saved before, of this conversation. A new object each time; it costs some 50 ns.
 *
 * @param {object} state
 * @param {string} id
 * @param {number} version makes it differ from all others
 */
export function stamped(state, id, version) {
  return { ...state, conversationId: id, updatedAt: 1_700_000_000_000 + version }
}
