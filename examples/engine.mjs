/**
 * A small engine with the documented methods of FlowKit's `FlowEngine`, enough to drive a conversation on any
 * storage adapter. FlowKit itself asks a language model; here a step's own function reads the user's message.
 *
 * A flow is `{ start, steps }`; a step is `{ ask(slots), answer(text, slots) }`, where `answer` may set slots and
 * returns the name of the next step, or nothing where the conversation is over.
 */
export class FlowEngine {
  #flow
  #storage

  constructor(flow, { storage }) {
    this.#flow = flow
    this.#storage = storage
  }

  /** Begins the conversation, or takes it up where it was left. Answers what the bot says. */
  async start(conversationId) {
    const known = await this.#storage.load(conversationId)
    if (known !== null) return known.history.at(-1).content
    const now = Date.now()
    const state = {
      conversationId,
      currentStep: this.#flow.start,
      slots: {},
      history: [],
      ended: false,
      createdAt: now,
      updatedAt: now,
    }
    const text = this.#say(state, this.#flow.steps[state.currentStep].ask(state.slots))
    await this.#storage.save(state)
    return text
  }

  /** Takes a message of the user. Answers what the bot says to it. */
  async handle(conversationId, message) {
    const state = await this.#storage.load(conversationId)
    if (state === null) throw new Error(`there is no conversation ${conversationId}`)
    if (state.ended) return 'This conversation is over.'
    state.history.push({ role: 'user', content: message })
    const next = this.#flow.steps[state.currentStep].answer(message, state.slots)
    if (next !== undefined) state.currentStep = next
    const step = this.#flow.steps[state.currentStep]
    const text = this.#say(state, step.ask(state.slots))
    state.ended = step.answer === undefined
    await this.#storage.save(state)
    return text
  }

  /** The whole state, or `null`. */
  getState(conversationId) {
    return this.#storage.load(conversationId)
  }

  async getSlots(conversationId) {
    return (await this.getState(conversationId))?.slots ?? {}
  }

  async getSlot(conversationId, name) {
    return (await this.getSlots(conversationId))[name]
  }

  async setSlot(conversationId, name, value) {
    const state = await this.#storage.load(conversationId)
    if (state === null) throw new Error(`there is no conversation ${conversationId}`)
    state.slots[name] = value
    state.updatedAt = Date.now()
    await this.#storage.save(state)
  }

  /** Forgets the conversation. */
  delete(conversationId) {
    return this.#storage.delete(conversationId)
  }

  #say(state, content) {
    state.history.push({ role: 'assistant', content })
    state.updatedAt = Date.now()
    return content
  }
}
