import { expect } from 'vitest'

import type { MemoryStorage } from '../index.js'
import samples from '../testing/samples.js'

const { sample } = samples

/** Checks what `has` promises. `plant` puts a text where the adapter keeps a conversation, past the adapter. */
export async function checkHas(storage: object, plant: (id: string, text: string) => Promise<unknown>): Promise<void> {
  const adapter = storage as MemoryStorage
  expect(await adapter.has('a')).toBe(false)
  const all = [adapter.has('a'), adapter.save(sample('a')), adapter.has('a'), adapter.delete('a'), adapter.has('a')]
  expect(await Promise.all(all)).toEqual([false, undefined, true, undefined, false])
  await adapter.save(sample('b'))
  expect([await adapter.has('b'), await adapter.has('B'), await adapter.has('b ')]).toEqual([true, false, false])
  await plant('c', 'no JSON')
  expect(await adapter.has('c')).toBe(true)
  await expect(adapter.load('c')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' })
  await expect(adapter.has('')).rejects.toMatchObject({
    code: 'ERR_STORAGE_INVALID_ID',
    operation: 'has',
    message: expect.stringMatching(/^Cannot look for a conversation: /),
  })
  await adapter.close()
  await expect(adapter.has('b')).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED', operation: 'has' })
}
