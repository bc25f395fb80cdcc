// What whoever listens changes, and the channel of what `MemoryStorage` forgets because of its limits.
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { describe, expect, it, onTestFinished } from 'vitest'

import { type EvictionMessage, MemoryStorage } from '../index.js'
import samples from '../testing/samples.js'

const SECRET = 'a secret of the state'
const secret = (id: string) => samples.sample(id, { slots: { text: SECRET } })
const size = Buffer.byteLength(JSON.stringify(secret('a')))

function follow(name: string) {
  const messages: EvictionMessage[] = []
  const note = (message: unknown) => void messages.push(message as EvictionMessage)
  channel(name).subscribe(note)
  onTestFinished(() => void channel(name).unsubscribe(note))
  return messages
}

describe('evictions', () => {
  it('are told one by one, while somebody listens', async () => {
    const storage = new MemoryStorage({ maxConversations: 2 })
    for (const id of ['a', 'b', 'c']) await storage.save(secret(id))
    const messages = follow('flowkit-storage:eviction')
    await storage.save(secret('d'))
    await storage.save(secret('e'), { ifMatch: null })
    const told = (conversationId: string) => ({ adapter: 'memory', conversationId, size: 1 + size })
    expect(messages).toEqual([told('b'), told('c')])
    expect(storage.stats().memory?.evicted).toBe(3)
    expect(JSON.stringify(messages)).not.toContain(SECRET)
  })

  it('are told by the limit of bytes, too', async () => {
    const storage = new MemoryStorage({ maxBytes: 2 * (size + 1) })
    const messages = follow('flowkit-storage:eviction')
    for (const id of ['a', 'b', 'c']) await storage.save(secret(id))
    expect(messages.map(({ conversationId }) => conversationId)).toEqual(['a'])
  })
})

/** Listens to all operations. */
function hear() {
  const none = () => {}
  const subscribers = { start: none, end: none, asyncStart: none, asyncEnd: none, error: none }
  tracingChannel('flowkit-storage:operation').subscribe(subscribers)
  onTestFinished(() => void tracingChannel('flowkit-storage:operation').unsubscribe(subscribers))
}

describe('operations', () => {
  it('leave a rejection that nobody handles as it is', async () => {
    // nodejs/node#59974: tracing must neither hide it nor double it.
    const unhandled: unknown[] = []
    const note = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    const storage = new MemoryStorage()
    for (const follow of [() => {}, hear]) {
      follow()
      void storage.load('')
      await storage.load('').catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(unhandled.splice(0)).toHaveLength(1)
    }
  })
})
