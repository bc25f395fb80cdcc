import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'

import { type Deed, NEVER } from './power-loss.js'
import { type Call, descriptorPath, quoted } from './trace.js'

/**
 * Finds what SQLite may find after a power loss. What was written to a file is on the disk after a sync of the file. Until then
 * each write, on its own, may be there, be torn, or not be there.
 */

interface Write {
  path: string
  offset: number
  data: Buffer
  begin: number
  /** From this line of the trace on it is on the disk. */
  durable: number
}

/** How many of the ways that unsynced writes may have ended are tried, at each moment. */
const WAYS = 6

export interface Verdict {
  violations: string[]
  /** How many disks were looked at. */
  disks: number
  syncs: number
}

/** Judges a trace of the database at `path`, made with `-xx`. `versionOf` reads the version of a stored state. */
export function judgePowerLoss(
  calls: Call[],
  path: string,
  scratch: string,
  versionOf: (id: string, text: string) => number,
): Verdict {
  const { writes, deeds, begin, end, syncs } = read(calls, path)
  const changes = calls.filter(({ name, end: line }) => name !== 'ftruncate' && line >= begin && line <= end)
  const moments = new Set(changes.map((call) => call.end))
  const seen = new Set<string>()
  const violations = new Set<string>()
  for (const line of moments) {
    for (let way = 0; way < WAYS; way++) {
      const disk = diskAt(writes, line, way)
      const allowed = [...new Set(deeds.map(({ id }) => id))].map((id) => [id, allowedAt(deeds, id, line)] as const)
      const name = createHash('sha1')
      for (const [file, content] of disk) name.update(file).update(content)
      const key = name.update(JSON.stringify(allowed)).digest('hex')
      if (seen.has(key)) continue
      seen.add(key)
      for (const problem of look(disk, path, join(scratch, key), allowed, versionOf)) {
        violations.add(`after line ${line}: ${problem}`)
      }
    }
  }
  return { violations: [...violations], disks: seen.size, syncs }
}

const text = (call: Call) => Buffer.from(quoted(call).replaceAll('x', ''), 'hex')
const readable = (text: string) => text.replace(/\\x(..)/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))

function read(calls: Call[], path: string) {
  const writes: Write[] = []
  const deeds: Deed[] = []
  let [begin, end, syncs] = [0, 0, 0]
  for (const call of calls) {
    const { name } = call
    const file = readable(descriptorPath(call))
    if (name === 'write' && text(call).toString().startsWith('MARK ')) {
      const [, word, id = '', version] = text(call).toString().trim().split(' ')
      if (word === 'begin') begin = call.end
      if (word === 'end') end = call.end
      if (word === 'try') deeds.push({ id, version: Number(version), tried: call.begin, acknowledged: NEVER })
      const deed = deeds.find((one) => one.id === id && one.version === Number(version))
      if (word === 'ack' && deed) deed.acknowledged = call.end
    } else if (name === 'pwrite64' && [path, `${path}-wal`].includes(file)) {
      const data = text(call)
      const [, size, offset] = /, (\d+), (\d+)$/.exec(call.args) as unknown as [string, string, string]
      if (data.length !== Number(size)) throw new Error(`the trace has ${data.length} of ${size} bytes`)
      writes.push({ path: file, offset: Number(offset), data, begin: call.begin, durable: NEVER })
    } else if (name.endsWith('sync') && file.startsWith(path)) {
      syncs++
      for (const write of writes) {
        if (write.path === file && write.begin < call.begin && write.durable === NEVER) write.durable = call.end
      }
    } else if (/truncate|unlink/.test(name) && readable(call.args).includes(path) && begin > 0 && end === 0) {
      throw new Error(`the checker does not know ${name}`)
    }
  }
  return { writes, deeds, begin, end, syncs }
}

/** Returns the files: what is on the disk for certain, and in one of several ways what was written since. */
function diskAt(writes: Write[], line: number, way: number): Map<string, Buffer> {
  const disk = new Map<string, Part[]>()
  let unsynced = 0
  for (const { path, offset, data, begin, durable } of writes) {
    if (begin > line) continue
    let written = data
    if (durable > line) {
      unsynced++
      // None, all, every other one, all but the first, torn ones, only the last frames.
      const isThere = [false, true, unsynced % 2 === 0, unsynced > 1, true, unsynced > 2][way]
      if (!isThere) continue
      if (way === 4) written = data.subarray(0, Math.ceil(data.length / 2))
    }
    const parts = disk.get(path) ?? []
    parts.push({ offset, written })
    disk.set(path, parts)
  }
  return new Map([...disk].map(([path, parts]) => [path, joined(parts)]))
}

interface Part {
  offset: number
  written: Buffer
}

function joined(parts: Part[]): Buffer {
  const content = Buffer.alloc(Math.max(...parts.map(({ offset, written }) => offset + written.length)))
  for (const { offset, written } of parts) written.copy(content, offset)
  return content
}

/** The last version that was acknowledged, and every one that was tried since. Those of one conversation follow each other. */
function allowedAt(deeds: Deed[], id: string, line: number): number[] {
  let allowed = [0]
  for (const deed of deeds) {
    if (deed.id !== id || deed.tried > line) continue
    allowed = deed.acknowledged <= line ? [deed.version] : [...allowed, deed.version]
  }
  return allowed
}

function look(
  disk: Map<string, Buffer>,
  path: string,
  scratch: string,
  allowed: (readonly [string, number[]])[],
  versionOf: (id: string, text: string) => number,
): string[] {
  const copy = join(scratch, 'states.db')
  mkdirSync(scratch)
  for (const [file, content] of disk) writeFileSync(copy + file.slice(path.length), content)
  // It recovers what the WAL holds, and writes nothing back.
  const db = new Database(copy, { readonly: true })
  try {
    const state = db.prepare('SELECT state FROM conversations WHERE id = ?').pluck()
    const problems = []
    if (db.pragma('integrity_check', { simple: true }) !== 'ok') problems.push('the file is damaged')
    for (const [id, versions] of allowed) {
      const found = state.get(id) as string | undefined
      const version = found === undefined ? 0 : versionOf(id, found)
      if (!versions.includes(version)) problems.push(`${id} is ${version}, not one of ${versions}`)
    }
    return problems
  } catch (error) {
    return [String(error)]
  } finally {
    db.close()
    rmSync(scratch, { recursive: true })
  }
}
