/** Conversations in Redis the documented way: `SET key json EX seconds` on an ioredis client. */
export class IoredisStorage {
  constructor({ client, prefix = 'flowkit:', ttl = 86_400 }) {
    this.client = client
    this.prefix = prefix
    this.ttl = ttl
  }

  async load(conversationId) {
    const text = await this.client.get(this.prefix + conversationId)
    return text === null ? null : JSON.parse(text)
  }

  async save(state) {
    await this.client.set(this.prefix + state.conversationId, JSON.stringify(state), 'EX', this.ttl)
  }

  async delete(conversationId) {
    await this.client.del(this.prefix + conversationId)
  }
}
