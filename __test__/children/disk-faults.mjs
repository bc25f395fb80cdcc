// Runs under the shim. Makes the n-th call of one operation fail, for every n until no call is left to fail, and looks
// what became of the conversation. Prints one line of JSON: how many faults there were, and everything that was wrong.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'

import { SQLiteStorage } from '../../index.js'
import { Shim } from '../support/disk-shim.mjs'
import { openPlace } from '../support/open.mjs'
import { startReader } from '../support/reader.mjs'
import { versioned, versionOf } from '../support/versions.mjs'

/** The code that an error of the system has to become. */
const CODES = {
  ENOSPC: 'ERR_STORAGE_UNAVAILABLE',
  EIO: 'ERR_STORAGE_UNAVAILABLE',
  EMFILE: 'ERR_STORAGE_UNAVAILABLE',
  EINTR: 'ERR_STORAGE_UNAVAILABLE',
  EACCES: 'ERR_STORAGE_DENIED',
  EROFS: 'ERR_STORAGE_DENIED',
}

const { subject, id, scenarios, errors, step, offset, kinds, last, mustFail } = JSON.parse(process.argv[2])
const root = process.env.FLOWKIT_SHIM_DIR
const shim = new Shim()
const reader = startReader()
const report = { attempts: 0, faults: 0, failed: 0, tolerated: 0, kinds: new Set(), problems: [] }
let runs = 0
const NEVER = 1_000_000_000
/** The lease of a lock that could not be given back, in ms: the shortest. */
const LEASE = 1_000
/** The meaning of a fault that lasts. An interrupted call is repeated, so one that is interrupted forever hangs. */
const lasting = (error) => (error === 'EINTR' ? 20 : NEVER)

/** Where else the file of a conversation may lie. */
const OTHER_NAMES = {
  /** As another program leaves it. */
  plain: (id) => `${id}.json`,
  /** As this package leaves it where case is ignored. */
  former: (id) => `${id.replace(/[:A-Z]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)}.json`,
}

/** A new place, and how to open an adapter on it. */
function newPlace() {
  runs++
  const dir = join(root, `run-${runs}`)
  mkdirSync(dir)
  if (subject === 'file') {
    const place = { adapter: 'file', options: { dir: join(dir, 'a', 'states') } }
    return { dir, place, open: () => openPlace(place) }
  }
  const place = { adapter: 'sqlite', options: { path: join(dir, 'states.db') } }
  if (subject === 'path') {
    place.options.path = join(dir, 'a', 'states.db')
    return { dir, place, open: () => openPlace(place) }
  }
  const open = () => {
    const db = new Database(place.options.path)
    if (subject === 'native') db.pragma('journal_mode = WAL')
    const storage = new SQLiteStorage({ db, mode: subject === 'inline' ? 'inline' : 'auto' })
    storage.db = db
    return storage
  }
  return { dir, place, open }
}

async function finish(storage) {
  await storage.close()
  storage.db?.close()
}

/** The steps before the fault, and which of them the fault meets. */
async function prepare(scenario, spot) {
  if (scenario === 'first save') {
    const storage = spot.open()
    return { storage, before: 0, after: 1, act: () => storage.save(versioned(id, 1)) }
  }
  let storage = spot.open()
  const name = OTHER_NAMES[scenario.split(' ')[0]]
  if (name) {
    mkdirSync(spot.place.options.dir, { recursive: true })
    writeFileSync(join(spot.place.options.dir, name(id)), JSON.stringify(versioned(id, 1)))
    await storage.load('nobody')
  } else await storage.save(versioned(id, 1))
  const before = scenario.endsWith('replace') ? (await storage.loadEntry(id)).etag : null
  if (scenario.startsWith('cold')) {
    await finish(storage)
    storage = spot.open()
  }
  const act = {
    save: () => storage.save(versioned(id, 2)),
    load: () => storage.load(id),
    delete: () => storage.delete(id),
    update: () => storage.update(id, () => versioned(id, 2), { lease: LEASE }),
    replace: () => storage.save(versioned(id, 2), { ifMatch: before }),
  }[scenario.split(' ').at(-1)]
  return {
    storage,
    before: 1,
    after: { save: 2, load: 1, delete: 0, update: 2, replace: 2 }[scenario.split(' ').at(-1)],
    act,
  }
}

async function attempt(scenario, fault) {
  const spot = newPlace()
  const { storage, before, after, act } = await prepare(scenario, spot)
  report.attempts++
  shim.arm(fault)
  const outcome = await act().then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
  const met = shim.disarm()
  const told = []
  const expect = (holds, what) => holds || told.push(what)
  for (const kind of met.kinds) report.kinds.add(kind)
  report.faults += met.hits
  const { error } = outcome
  if (error !== undefined) {
    report.failed++
    const denied = CODES[fault.error] ?? 'none'
    const cause = error.cause?.code ?? 'none'
    expect(met.hits > 0, `failed without a fault: ${error.message}`)
    if (subject === 'file')
      expect(error.code === denied && cause === fault.error, `${error.code}, cause ${cause}: ${error.message}`)
    else {
      // SQLite itself takes a file that cannot be read for a damaged one.
      const unreadable = met.kinds.includes('read') && fault.error === 'EIO' && cause.startsWith('SQLITE_CORRUPT')
      const named = /UNAVAILABLE|DENIED$/.test(error.code) || (unreadable && error.code === 'ERR_STORAGE_CORRUPT')
      expect(named, `${error.code}, cause ${cause}: ${error.message}`)
      const passes = fault.error === 'EMFILE' || fault.error === 'EIO' || fault.error === 'ENOSPC'
      expect(
        !passes || subject === 'inline' || !error.code.endsWith('DENIED'),
        `not permitted, for a moment: ${error.message}`,
      )
      expect(cause === fault.error || /^SQLITE_/.test(cause), `cause ${cause}: ${error.message}`)
    }
    expect(!/-tmp|\.tmp/.test(error.message), `names a temporary file: ${error.message}`)
  } else if (met.hits > 0) {
    report.tolerated++
    expect(!mustFail, 'succeeded all the same')
  }
  if (error === undefined && scenario.endsWith('load'))
    expect(versionOf(id, outcome.value) === 1, 'loaded something else')
  const allowed = error === undefined ? [after] : [before, after]
  try {
    expect(allowed.includes(versionOf(id, await storage.load(id))), `this process finds none of ${allowed}`)
    const found = await reader.look(spot.place, id)
    // An update that succeeded finds nothing to save.
    const isAgain = error !== undefined || !scenario.endsWith('update')
    if (subject === 'file' && met.kinds.includes('sync') && !scenario.endsWith('load') && isAgain) {
      // A disk that lost something says so once. Whoever tries again must not hear of a success that nobody checked.
      shim.arm({ first: NEVER, error: 'EIO', kinds: ['sync'] })
      await act()
      expect(shim.disarm().seen > 0, 'a second attempt syncs nothing')
    }
    expect(allowed.includes(found), `another process finds version ${found}, none of ${allowed}`)
    await storage.save(versioned(id, 3)).catch((error) => {
      // SQLite could not give a lock back. Whoever waits for it costs the connection, and it is over.
      if (!met.kinds.includes('lock') || error.cause?.code !== 'SQLITE_BUSY') throw error
      return storage.save(versioned(id, 3))
    })
    expect(versionOf(id, await storage.load(id)) === 3, 'the next save is lost')
    if (scenario.endsWith('update')) await storage.update(id, () => {}, { lease: LEASE })
    await finish(storage)
    expect((await reader.look(spot.place, id)) === 3, 'the next save is lost for another process')
    expect(await allClosed(), `open: ${shim.openFiles()}`)
    // What cannot be removed stays, until it is swept.
    const left = readdirSync(spot.dir, { recursive: true }).filter((name) =>
      /\.tmp$|\.lock$|-wal$|-shm$|-journal$/.test(name),
    )
    expect(left.length === 0 || met.kinds.includes('unlink'), `left behind: ${left}`)
  } catch (error) {
    told.push(`afterwards: ${error.message} ${error.cause?.message ?? ''}`)
  }
  if (told.length > 0) report.problems.push({ scenario, fault, kinds: met.kinds, told })
  rmSync(spot.dir, { recursive: true, force: true })
  return met.seen >= fault.first
}

/** The search for abandoned temporary files goes on beside the operations, for a moment. */
async function allClosed() {
  for (let wait = 0; wait < 2000; wait += 5) {
    if (shim.openFiles().length === 0) return true
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return false
}

for (const scenario of scenarios) {
  for (const [turn, error] of errors.entries()) {
    for (const count of [1, lasting(error)]) {
      for (let first = 1 + ((offset + turn) % step); first <= (last ?? NEVER); first += step) {
        if (!(await attempt(scenario, { first, count, error, kinds }))) break
      }
    }
  }
}
reader.end()
shim.close()
console.log(JSON.stringify({ ...report, kinds: [...report.kinds].sort() }))
