// What engines do with a state between its load and its save.

const WORDS = 'sí no cuándo pedido número factura dirección mañana señor gracias envío débito miércoles'.split(' ')

/** Exchanges until a history that only grows is cut back to the length that is measured. */
const EXCHANGES = 10

/** More than the longest history has. Made before the clock starts, and flat, as a network delivers them. */
const CONTENTS = Array.from({ length: 8192 }, (_, index) => {
  const length = index % 2 === 0 ? 7 : 25
  const words = Array.from({ length }, (_, word) => WORDS[(index * 7 + word * word) % WORDS.length])
  return [index, ...words].join(' ')
})

/** As FlowKit makes it. */
function message(number) {
  return { role: number % 2 === 0 ? 'user' : 'assistant', content: CONTENTS[number % CONTENTS.length] }
}

/** Changes the state itself: a slot, the time, and two messages at the end. */
function alter(state, length) {
  const { history } = state
  const number = state.slots.order + 2
  if (history.length > length + 2 * EXCHANGES) history.length = length
  state.slots.order = number
  state.updatedAt++
  history.push(message(number), message(number + 1))
  return state
}

/** Drops the oldest entries: as many as are appended. */
function slide(state) {
  const altered = alter(state, Number.POSITIVE_INFINITY)
  altered.history.splice(0, 2)
  return altered
}

/**
 * By name: for the length of the history, what makes the next state of a state.
 *
 * @type {Record<string, (length: number) => (state: any) => any>}
 */
export const ENGINES = {
  append: (length) => (state) => alter(state, length),
  'append, beside another process': (length) => (state) => alter(state, length),
  'window of the newest': () => slide,
  'copies with spread': (length) => (state) =>
    alter({ ...state, slots: { ...state.slots }, history: [...state.history] }, length),
  'copies each entry': (length) => (state) =>
    alter({ ...state, history: state.history.map((entry) => ({ ...entry })) }, length),
  structuredClone: (length) => (state) => alter(structuredClone(state), length),
}
