/** A flow that takes the order of a pizza. */
export const pizza = {
  start: 'ask_name',
  steps: {
    ask_name: {
      ask: () => 'Hi! What is your name?',
      answer(text, slots) {
        slots.user_name = text.trim()
        return 'ask_size'
      },
    },
    ask_size: {
      ask: ({ user_name, _attempts }) =>
        _attempts ? 'Small, medium or large?' : `Nice to meet you, ${user_name}. Which size: small, medium or large?`,
      answer(text, slots) {
        const size = /small|medium|large/i.exec(text)?.[0].toLowerCase()
        if (size === undefined) {
          slots._attempts = (slots._attempts ?? 0) + 1
          if (slots._attempts < 3) return 'ask_size'
          slots._handoff = { reason: 'no size understood' }
          return 'handoff'
        }
        slots.size = size
        return 'confirm'
      },
    },
    confirm: {
      ask: ({ size }) => `One ${size} pizza. Shall I order it?`,
      answer: (text, slots) => {
        slots.confirmed = /yes|sure|please/i.test(text)
        return slots.confirmed ? 'done' : 'ask_size'
      },
    },
    done: { ask: ({ user_name, size }) => `Thank you, ${user_name}! Your ${size} pizza is on its way. 🍕` },
    handoff: { ask: () => 'I will hand you over to a colleague.' },
  },
}
