// What must work in each environment of a test runner, with timers that are faked at one moment or another.
const { mkdtempSync } = require('node:fs')
const path = require('node:path')
const Database = require('better-sqlite3')

// Written by whoever runs this: the port of a server, and where ioredis is.
const { port, ioredis } = require('./server.json')

/** How long a test may take on a busy machine, in ms. */
const PATIENCE = 30_000

/** One storage of each kind, beside a client that is connected already, and others on the same places. */
function openStorages(exported, client) {
  const dir = mkdtempSync(path.join(__dirname, 'data-'))
  const storages = openOn(dir, exported, client)
  // Another one in memory would have nothing in common with it.
  return [storages, { ...openOn(dir, exported, client), memory: storages.memory }]
}

function openOn(dir, { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage }, client) {
  const prefix = `${path.basename(dir)}:`
  return {
    memory: new MemoryStorage(),
    file: new FileStorage({ dir }),
    sqlite: new SQLiteStorage({ path: path.join(dir, 'own.db') }),
    database: new SQLiteStorage({ db: new Database(path.join(dir, 'given.db')) }),
    redis: new RedisStorage({ port, prefix }),
    client: new RedisStorage({ client, prefix }),
  }
}

/** Uses each storage, with more operations than one turn settles. */
async function use([storages, others], expect, StorageError) {
  for (const [name, storage] of Object.entries(storages)) {
    const states = Array.from({ length: 100 }, (_, n) => ({ conversationId: `user-${n}`, n }))
    await Promise.all(states.map((state) => storage.save(state)))
    expect(await Promise.all(states.map((state) => storage.load(state.conversationId)))).toEqual(states)
    await storage.delete('user-1')
    expect(await storage.load('user-1')).toBeNull()
    await expect(storage.load('')).rejects.toThrow(StorageError)
    await expect(storage.load('')).rejects.toBeInstanceOf(Error)
    expect([name, storage.mode]).toEqual([name, 'native'])
  }
  await useLocks(storages, others, expect)
}

function deferred() {
  const one = {}
  one.promise = new Promise((resolve) => {
    one.resolve = resolve
  })
  return one
}

/** Has turns wait: for each other in one storage, for another storage, and too long. */
async function useLocks(storages, others, expect) {
  for (const [name, storage] of Object.entries(storages)) {
    await storage.save({ conversationId: 'turns', n: 0 })
    const addOne = (state) => void state.n++
    const [begun, ended] = [deferred(), deferred()]
    const inside = storage.withLock('turns', async () => {
      begun.resolve()
      const state = await storage.load('turns')
      await ended.promise
      await storage.save({ ...state, n: state.n + 1 })
    })
    // The other storage might come first: storages have no order among each other.
    await begun.promise
    const other = others[name]
    const waiting = [storage, storage, other, other].map((one) => one.update('turns', addOne))
    const late = [storage, other].map((one) => one.withLock('turns', () => {}, { wait: 20 }).catch(({ code }) => code))
    expect([name, ...(await Promise.all(late))]).toEqual([name, 'ERR_STORAGE_TIMEOUT', 'ERR_STORAGE_TIMEOUT'])
    // Not sooner: on a busy machine, those that are late would find the lock free.
    ended.resolve()
    await Promise.all([inside, ...waiting])
    expect([name, (await other.load('turns')).n]).toEqual([name, 5])
    const hanging = other.withLock('turns', () => new Promise(() => {}), { hold: 50 })
    await expect(hanging).rejects.toThrow(/did not end within 50 ms/)
    await storage.update('turns', addOne)
  }
}

/**
 * Declares the tests with the functions of a runner.
 *
 * @param load returns the exports of the package, freshly evaluated
 */
exports.declare = ({ afterAll, beforeAll, expect, test: declareTest }, fake, load) => {
  const test = (name, body) => declareTest(name, body, PATIENCE)
  let client

  beforeAll(async () => {
    fake.useRealTimers()
    client = new (require(ioredis))(port)
    await client.ping()
  })
  afterAll(() => client.disconnect())

  test('timers are faked before the package is loaded', async () => {
    fake.useFakeTimers()
    const exported = load()
    await use(openStorages(exported, client), expect, exported.StorageError)
    fake.useRealTimers()
  })

  test('timers are faked after the package is loaded', async () => {
    fake.useRealTimers()
    const exported = load()
    const storages = openStorages(exported, client)
    fake.useFakeTimers()
    await use(storages, expect, exported.StorageError)
    fake.useRealTimers()
  })

  test('no timer is faked', async () => {
    fake.useRealTimers()
    const exported = load()
    await use(openStorages(exported, client), expect, exported.StorageError)
  })
}
