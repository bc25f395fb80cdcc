// Makes the states that are saved: a conversation whose history grows by one exchange a save and is cut at a size.

const WORDS = {
  ascii: 'yes no when order number invoice address tomorrow please thanks delivery payment Tuesday open closed',
  latin: 'sí no cuándo pedido número factura dirección mañana señor gracias envío débito miércoles abierto café',
  emoji: 'sí no cuándo pedido número factura 📦 mañana señor gracias 👍 débito miércoles abierto ☕',
}

/** The kinds of text: one byte a character in UTF-8, one in V8 but up to two in UTF-8, and two in V8. */
export const TEXTS = Object.keys(WORDS)

/**
 * Returns a generator of numbers from 0 to 1 (mulberry32). The same seed gives the same numbers, so that all subjects
 * save the same states.
 *
 * @param {number} seed
 */
function randomNumbers(seed) {
  let value = seed
  return () => {
    value = (value + 0x6d2b79f5) | 0
    let mixed = Math.imul(value ^ (value >>> 15), 1 | value)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Returns one message: about 70 bytes of a user, about 210 bytes of an assistant. */
function makeMessage(random, words, role) {
  const length = (role === 'user' ? 3 : 18) + Math.floor(random() * (role === 'user' ? 6 : 16))
  // `join` makes flat strings, as a network delivers them; V8 would flatten concatenated ones during the measurement.
  const content = Array.from({ length }, () => words[Math.floor(random() * words.length)]).join(' ')
  return { role, content }
}

/**
 * Returns states of one conversation, each one exchange later than the one before. Each has exactly `size` bytes of
 * JSON: as much history as fits, and a slot that takes the rest. Ids are 12 characters long in every operation.
 *
 * @param {{ size: number, count: number, text?: string, seed?: number }} options its `text` is one of {@link TEXTS}
 */
export function makeStates({ size, count, text = 'latin', seed = 1 }) {
  const random = randomNumbers(seed)
  const words = WORDS[text].split(' ')
  const bytes = (value) => Buffer.byteLength(JSON.stringify(value))
  const room = size - bytes(stateOf(0, [], ''))
  /** @type {{ message: object, size: number }[]} */
  const messages = []
  let used = 0
  let first = 0
  const addExchange = () => {
    for (const role of ['user', 'assistant']) {
      const message = makeMessage(random, words, role)
      messages.push({ message, size: bytes(message) + 1 })
      used += messages[messages.length - 1].size
    }
    while (used > room) used -= messages[first++].size
  }
  while (first === 0) addExchange()
  return Array.from({ length: count }, (_, index) => {
    addExchange()
    const history = messages.slice(first).map(({ message }) => message)
    const state = stateOf(index, history, '')
    state.slots.notes = '.'.repeat(Math.max(0, size - bytes(state)))
    return state
  })
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
 * Returns a state of this conversation that was never saved before. It is a new object each time, which costs about
 * 50 ns.
 *
 * @param {object} state
 * @param {string} id
 * @param {number} version differs from that of every other save
 */
export function stamped(state, id, version) {
  return { ...state, conversationId: id, updatedAt: 1_700_000_000_000 + version }
}
