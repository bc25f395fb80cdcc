import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { openPlace } from './support/open.mjs'
import { ADAPTERS } from './support/subjects.js'

const script = fileURLToPath(new URL('../examples/conversation.mjs', import.meta.url))

describe('the conversation of the demonstration', () => {
  for (const subject of ADAPTERS) {
    it(`${subject.name}: ${subject.persistent ? 'goes on in a second process' : 'begins anew in a second process'}`, async () => {
      const place = await subject.makePlace()
      const talk = (...messages: string[]) =>
        execFileSync(process.execPath, [script, JSON.stringify({ ...place, messages })], { encoding: 'utf8' })
      expect(talk('Ana', 'the biggest you have')).toContain('(nothing stored yet)')
      const second = talk('large, then', 'yes please')
      expect(second).toContain(subject.persistent ? '(found: step ask_size, 5 messages)' : '(nothing stored yet)')
      const storage = openPlace(place)
      const state = await storage.load('whatsapp:+573001234567')
      await storage.close()
      if (!subject.persistent) return expect(state).toBeNull()
      expect(state).toMatchObject({
        currentStep: 'done',
        ended: true,
        slots: { user_name: 'Ana', _attempts: 1, size: 'large', confirmed: true },
      })
      expect(state?.history).toHaveLength(9)
    })
  }
})
