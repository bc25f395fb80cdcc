/** Conversations in memory the documented way: a Map, and `structuredClone` so that nobody shares an object. */
export class MapStorage {
  states = new Map()

  async load(conversationId) {
    const state = this.states.get(conversationId)
    return state === undefined ? null : structuredClone(state)
  }

  async save(state) {
    this.states.set(state.conversationId, structuredClone(state))
  }

  async delete(conversationId) {
    this.states.delete(conversationId)
  }
}
