// Uses the package in the way of a small bot, and says whether it kept what it was given.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { FileStorage, SQLiteStorage, StorageError } from '@andresaya/flowkit-storage'

async function keeps(storage) {
  await storage.save({ conversationId: 'user', step: 'ask' })
  const state = await storage.load('user')
  const refused = await storage.load('').catch((error) => error instanceof StorageError)
  await storage.close()
  return state?.step === 'ask' && refused === true
}

export async function main() {
  const dir = mkdtempSync('kept-')
  try {
    const kept = await Promise.all([
      keeps(new SQLiteStorage({ path: join(dir, 'states.db') })),
      keeps(new FileStorage({ dir: join(dir, 'files') })),
    ])
    return kept.every(Boolean) ? 'kept' : 'lost'
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
