// A process that uses a storage until it is killed: conversations of its own, in this thread and in worker threads that are
// terminated in the middle. It reports before each operation and after it, so that whoever outlives it knows what must
// be there.
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { rmSync, writeFileSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

import { loadBetterSqlite, openPlace } from '../support/open.mjs'
import { versioned } from '../support/versions.mjs'
import { judge, perform } from './plan.mjs'

/** Synchronously, and so in the pipe before anything can end this process. */
function report(...words) {
  const line = `${words.join('\t')}\n`
  for (;;) {
    try {
      return writeSync(1, line)
    } catch (error) {
      // The pipe is full: whoever reads it is behind.
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

/** `own` and `threads`: for each conversation, the last operation acknowledged and the last one begun. */
const { place, own, threads, foreign, redisPort, shared } = isMainThread ? JSON.parse(process.argv[2]) : workerData
const storage = openPlace(place)

/** Saves, deletes and loads one conversation forever. It is the only one that does. */
async function live(id, { acked, begun }, progress = [0, 0]) {
  let number = begun
  const found = await tolerant(() => storage.load(id))
  if (found !== undefined) {
    const wrong = judge(id, found, acked, begun)
    if (wrong !== undefined) report('wrong', id, wrong)
  }
  for (;;) {
    // Several un-awaited ones in a row: they take effect in order.
    const first = number + 1
    number += randomInt(1, 4)
    report('begun', id, number)
    progress[1] = number
    const operations = []
    for (let each = first; each <= number; each++)
      operations.push(tolerant(() => perform(storage, id, each).then(() => each)))
    const loading = randomInt(4) === 0 ? tolerant(() => storage.load(id)) : undefined
    const done = (await Promise.all(operations)).filter((each) => each !== undefined)
    if (done.at(-1) === number) {
      acked = number
      report('acked', id, number)
      progress[0] = number
    }
    const loaded = await loading
    if (loaded !== undefined) {
      const wrong = judge(id, loaded, acked, number)
      if (wrong !== undefined) report('wrong', id, wrong)
    }
    if (randomInt(20) === 0) await sleep(randomInt(30))
  }
}

/** Returns the result; `undefined` if the operation failed in a way that the faults explain. */
async function tolerant(operate) {
  try {
    return await operate()
  } catch (error) {
    report('refused', error.code ?? error)
    if (!error.retryable) report('wrong', error.conversationId, error.message)
    await sleep(20)
    return undefined
  }
}

/** Throws unless the server did it: `redis-cli` succeeds with an error as the reply, such as `LOADING`. */
function redis(expected, ...words) {
  const options = /** @type {const} */ ({ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 })
  const answer = execFileSync('redis-cli', ['-p', String(redisPort), ...words], options).trim()
  if (answer !== expected) throw new Error(answer)
}
const pathOf = (id) => `${place.options.dir}/${id}.json`
const keyOf = (id) => `${place.options.prefix}${id}`

/** Ways past the storage to what it keeps. */
const hands = {
  file: { spoil: (id) => writeFileSync(pathOf(id), '{"conversationId":'), remove: (id) => rmSync(pathOf(id)) },
  redis: {
    spoil: (id) => redis('OK', 'set', keyOf(id), '{"conversationId":'),
    remove: (id) => redis('1', 'del', keyOf(id)),
  },
}

/** Damages a conversation as a foreign hand would: it is noticed, and healed by the next save. */
async function meddle(id) {
  const hand = hands[place.adapter]
  for (let version = 1; ; version++) {
    await sleep(randomInt(50, 400))
    if ((await tolerant(() => storage.save(versioned(id, version)).then(() => true))) === undefined) continue
    try {
      if (version % 2 === 0) hand.remove(id)
      else hand.spoil(id)
    } catch {
      continue // The server is down.
    }
    const outcome = await storage.load(id).then(
      (state) => (state === null ? 'absent' : 'there'),
      (error) => error.code,
    )
    const expected = version % 2 === 0 ? 'absent' : 'ERR_STORAGE_CORRUPT'
    const isDown = /UNAVAILABLE|TIMEOUT/.test(outcome)
    if (outcome !== expected && !isDown) report('wrong', id, `${outcome} after a foreign hand, not ${expected}`)
    report('foreign')
  }
}

/** Opens the file of `{ path }` by another copy of SQLite, writes, and closes it, again and again. */
async function visit() {
  const Database = loadBetterSqlite()
  for (;;) {
    await sleep(randomInt(60))
    const db = new Database(place.options.path)
    try {
      db.exec('CREATE TABLE IF NOT EXISTS visits (number INTEGER PRIMARY KEY)')
      for (let rest = randomInt(1, 6); rest > 0; rest--)
        report('visited', db.prepare('INSERT INTO visits DEFAULT VALUES').run().lastInsertRowid)
    } catch (error) {
      if (error.code !== 'SQLITE_BUSY') report('wrong', 'visit', error.message)
    } finally {
      db.close()
    }
  }
}

process.on('uncaughtException', (error) => {
  report('wrong', 'process', error.stack.replaceAll('\n', ' | '))
  process.exit(1)
})
const progressOf = (index) => new Int32Array(shared, index * 8, 2)
for (const [index, [id, known]] of Object.entries(own).entries()) live(id, known, shared && progressOf(index))

/** Worker threads on conversations of their own, one after the other, each of them terminated in the middle. */
async function employ() {
  const names = Object.keys(threads)
  // What a thread that was terminated had reached.
  const shared = new SharedArrayBuffer(8 * names.length)
  for (;;) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { place, own: threads, shared } })
    worker.on('error', (error) => report('wrong', 'worker', String(error?.stack).replaceAll('\n', ' | ')))
    for (const [index, id] of names.entries())
      new Int32Array(shared).set([threads[id].acked, threads[id].begun], index * 2)
    await sleep(randomInt(300, 2500))
    await worker.terminate()
    report('terminated')
    for (const [index, id] of names.entries()) {
      const [acked, begun] = new Int32Array(shared, index * 8, 2)
      // A thread's memory ends with it.
      threads[id] = place.adapter === 'memory' ? { acked: 0, begun: 0 } : { acked, begun }
    }
  }
}

if (isMainThread) {
  if (hands[place.adapter] !== undefined) meddle(foreign)
  // Elsewhere it is refused, or destroys the file.
  if (place.adapter === 'sqlite' && process.platform === 'linux') visit()
  employ()
}
