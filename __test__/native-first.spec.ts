// A connection beside the user's client that ends while something is in flight, at a moment that no server produces on demand.
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'

const require = createRequire(import.meta.url)
const { HANDED_BACK } = require('../lib/binding.js') as { HANDED_BACK: string }
const { NativeFirst } = require('../lib/native-first.js')

it('a write on a new connection does not overtake one that the old connection hands back', async () => {
  const done: string[] = []
  const way = (name: string) => ({ run: async ({ text }: { text: string }) => void done.push(`${name}: ${text}`) })
  const fail: ((failure: object) => void)[] = []
  const ended = { run: () => new Promise((_, reject) => fail.push(reject)) }
  let current: object = ended
  const sidecar = { handle: () => current, whyInline: () => undefined, nativeReason: '', retire() {}, release() {} }
  const user = { ...way('client'), isAtRest: () => true, close() {} }
  const storage = new NativeFirst({ changeMode() {} }, sidecar, user)
  const first = storage.run({ kind: 'save', id: 'a', text: 'first' })
  // It has ended, and its last outcomes are still on their way.
  current = way('new connection')
  const second = storage.run({ kind: 'save', id: 'a', text: 'second' })
  fail[0]?.({ code: HANDED_BACK })
  await Promise.all([first, second])
  expect(done).toEqual(['client: first', 'new connection: second'])
})
