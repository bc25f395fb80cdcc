// Saves 50 conversations without awaiting, and ends in the way that is asked for. `count` counts what was kept.
import { FileStorage, SQLiteStorage } from '@andresaya/flowkit-storage'

const [adapter, place, ending] = process.argv.slice(2)
const storage = adapter === 'file' ? new FileStorage({ dir: place }) : new SQLiteStorage({ path: place })
const ids = Array.from({ length: 50 }, (_, index) => `user-${index}`)

if (ending === 'count') {
  const kept = await Promise.all(ids.map((id) => storage.has(id)))
  console.log(kept.filter(Boolean).length)
} else {
  for (const conversationId of ids) storage.save({ conversationId })
  if (ending === 'process.exit()') process.exit(0)
  if (ending === 'uncaught exception') throw new Error('thrown on purpose')
}
