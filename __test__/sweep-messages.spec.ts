// The message about a sweep. The first one comes after a minute, so all kinds wait for it at the same time.
import { channel } from 'node:diagnostics_channel'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'

import { FileStorage, MemoryStorage, SQLiteStorage, type SweepMessage } from '../index.js'
import samples from '../testing/samples.js'
import { loadBetterSqlite } from './support/open.mjs'
import { temporaryDirectory } from './support/subjects.js'

const { sample } = samples

it('sweeps are told and counted, of memory, files and SQLite', { timeout: 300_000 }, async () => {
  const messages: SweepMessage[] = []
  const note = (message: unknown) => void messages.push(message as SweepMessage)
  channel('flowkit-storage:sweep').subscribe(note)
  onTestFinished(() => void channel('flowkit-storage:sweep').unsubscribe(note))
  const lines: [message: string, meta: unknown][] = []
  const logger = { info: (message: string, meta: unknown) => void lines.push([message, meta]) }
  const common = { ttl: 1, logger }
  const db = new (loadBetterSqlite())(join(await temporaryDirectory(), 'b.db'))
  const storages = [
    new MemoryStorage(common),
    new FileStorage({ dir: await temporaryDirectory(), ...common }),
    new SQLiteStorage({ path: join(await temporaryDirectory(), 'a.db'), table: 't', ...common }),
    new SQLiteStorage({ db, table: 'u', ...common }),
  ]
  onTestFinished(async () => {
    for (const storage of storages) await storage.close()
    db.close()
  })
  for (const storage of storages) for (const id of ['a', 'b']) await storage.save(sample(id))
  // Beside a user's connection, a sweep waits for the next write.
  const writes = setInterval(() => void storages[3]?.delete('nobody'), 1_000)
  onTestFinished(() => clearInterval(writes))
  const told = (adapter: string, origin = {}) => ({
    adapter,
    ...origin,
    removed: 2,
    unknown: 0,
    ms: expect.any(Number),
  })
  const expected = [
    told('memory'),
    told('file'),
    told('sqlite', { collection: 't' }),
    told('sqlite', { collection: 'u' }),
  ]
  await vi.waitFor(() => expect(messages).toEqual(expect.arrayContaining(expected)), {
    timeout: 280_000,
    interval: 500,
  })
  expect(storages.map((storage) => storage.stats().expired)).toEqual([2, 2, 2, 2])
  expect(lines.filter(([message]) => message.includes('expired')).length).toBeGreaterThanOrEqual(4)
})
