import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { FileStorage, SQLiteStorage } from '../../index.js'
import { runSql, temporaryDirectory } from './subjects.js'

/** A conversation with two messages. */
export const state = (conversationId: string, ended = false) => ({
  conversationId,
  currentStep: 'ask',
  slots: { name: 'Ana', _visits: 3 },
  history: [
    { role: 'user' as const, content: 'Hello' },
    { role: 'assistant' as const, content: 'Hi \u001b[31mthere' },
  ],
  ended,
  createdAt: 1,
  updatedAt: 2,
})

/** A kind of store for the command line, and how a test fills it. An id that ends in `!` has ended. */
export interface Kind {
  name: string
  make(): Promise<{
    cwd: string
    store: string
    save(...ids: string[]): Promise<void>
    plant(id: string, text: string): Promise<void>
  }>
}

export const FILES: Kind = {
  name: 'files',
  async make() {
    const cwd = await temporaryDirectory()
    await mkdir(join(cwd, 'data'), { mode: 0o700 })
    return {
      cwd,
      store: './data',
      async save(...ids) {
        const storage = new FileStorage({ dir: join(cwd, 'data'), durable: false })
        await Promise.all(ids.map((id) => storage.save(state(id, id.endsWith('!')))))
        await storage.close()
      },
      plant: (id, text) => writeFile(join(cwd, 'data', `${id}.json`), text, { mode: 0o600 }),
    }
  },
}

export const SQLITE: Kind = {
  name: 'SQLite',
  async make() {
    const cwd = await temporaryDirectory()
    const path = join(cwd, 'bot.db')
    return {
      cwd,
      store: './bot.db',
      async save(...ids) {
        const storage = new SQLiteStorage({ path })
        await Promise.all(ids.map((id) => storage.save(state(id, id.endsWith('!')))))
        await storage.close()
      },
      plant: async (id, text) => {
        await runSql(path, 'INSERT OR REPLACE INTO conversations VALUES (?, ?, ?)', id, text, Date.now())
      },
    }
  },
}
