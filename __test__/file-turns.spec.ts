import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { lockProcessCases, zombies } from './lock-processes.js'
import { FILE, FILE_VARIANTS, type Subject } from './support/subjects.js'
import { turnCases } from './turns.js'

const NOT_DURABLE = FILE_VARIANTS.find(({ name }) => name.includes('durable')) as Subject

for (const { name, makePlace } of [FILE, NOT_DURABLE]) {
  turnCases({ name, native: true, makePlace })
  describe(`processes on ${name}`, () => lockProcessCases({ makePlace }))
}

describe('a file that is removed without its lock', () => {
  it('comes back: the cases above would see it', async () => {
    const place = await NOT_DURABLE.makePlace()
    const remove = join(place.options.dir, 'u.state')
    const report = await zombies(NOT_DURABLE, { place, milliseconds: 60_000, remove, enough: 1 })
    expect(report.zombies).toBe(1)
  })
})
