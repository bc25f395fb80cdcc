// Saves while the system refuses threads or descriptors. The parent sets the limit, and lifts it, and says so by SIGUSR2.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const { FileStorage, RedisStorage, SQLiteStorage } = createRequire(import.meta.url)('../../index.js')

const { port, busy, where } = workerData ?? JSON.parse(process.argv[2])
const dir = mkdtempSync(join(tmpdir(), 'flowkit-no-resources-'))

async function outcome(promise) {
  // A save that nobody settles must not make the test wait.
  return Promise.race([
    promise.then(
      () => 'saved',
      ({ code, message, cause }) => `${code} ${cause?.code}${/refuses/.test(message) ? ', refused' : ''}`,
    ),
    pause(120_000, 'pending', { ref: false }),
  ])
}

/** Saves 20 conversations with each storage, and returns the kinds of outcomes of each. */
async function saveOn(storages) {
  const results = {}
  for (const [name, storage] of Object.entries(storages)) {
    const saves = Array.from({ length: 20 }, (_, n) => outcome(storage.save({ conversationId: `c-${n}`, n })))
    results[name] = [...new Set(await Promise.all(saves))].sort()
  }
  return results
}

const signal = isMainThread ? () => once(process, 'SIGUSR2') : () => once(parentPort, 'message')
const print = (line) => (isMainThread ? console.log(JSON.stringify(line)) : parentPort.postMessage(line))

/** Prints a line, and waits for the signal. It is listened for first: the parent may be quicker, and a signal unheard ends a process. */
async function printAndWait(line) {
  const signaled = signal()
  print(line)
  await signaled
}

async function main() {
  // The threads of Node.js itself: it aborts if it cannot have them.
  await stat('.')
  const { Redis } = createRequire(import.meta.url)('ioredis6')
  const Database = createRequire(import.meta.url)('better-sqlite3')
  const client = new Redis(port)
  await client.ping()
  const db = new Database(join(dir, 'given.db'))
  // Opens all of its files now. Without a descriptor, the user's own writes would fail as ours do.
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE theirs (n)')
  const prefix = `${process.pid}-${isMainThread}:`
  const storages = {
    file: new FileStorage({ dir: join(dir, 'files') }),
    redis: new RedisStorage({ port, prefix }),
    client: new RedisStorage({ client, prefix }),
    path: new SQLiteStorage({ path: join(dir, 'own.db') }),
    db: new SQLiteStorage({ db }),
  }
  // With a thread for each before the limit, nothing is refused.
  if (busy) await saveOn(storages)
  await printAndWait('ready')
  await printAndWait(await saveOn(storages))
  print(await saveOn(storages))
  for (const storage of Object.values(storages)) await storage.close()
  client.disconnect()
  db.close()
  rmSync(dir, { recursive: true })
}

if (where === 'worker' && isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { port, busy } })
  worker.on('message', (line) => console.log(JSON.stringify(line)))
  process.on('SIGUSR2', () => worker.postMessage('go on'))
} else {
  await main()
}
