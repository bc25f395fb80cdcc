import { dirname } from 'node:path'

import { type Call, descriptorPath, quoted } from './trace.js'

/**
 * Finds what may be on the disk after a power loss, and whether that is what was promised.
 *
 * The rules are those of POSIX and no more: the data of a file is on the disk after a sync of the file, an entry of a
 * directory after a sync of the directory. Until then each change, on its own and whatever came before or after it, may
 * be there or not; a file with unsynced data may be empty or torn. A rename is there as a whole or not at all.
 */

/** A change of one name in a directory: it now leads to a file, or to nothing. */
interface Change {
  path: string
  file: File | null
  begin: number
  end: number
  /** From this line of the trace on it is on the disk. */
  durable: number
}

interface File {
  /** Its content, once it is written. */
  version: number
  written: number
  /** From this line on its data is on the disk. */
  durable: number
}

/** A save, and the lines of the trace between which it was tried and acknowledged. */
export interface Deed {
  id: string
  version: number
  tried: number
  acknowledged: number
}

export const NEVER = Number.POSITIVE_INFINITY

/** A conversation, where it is kept, and what lay there at first. */
export interface Kept {
  id: string
  own: string
  plain?: string
  before: { own?: number; plain?: number }
}

export class PowerLoss {
  readonly changes: Change[] = []
  readonly deeds: Deed[] = []
  readonly syncs = { files: 0, directories: 0 }
  #lines: number
  #open = new Map<string, File>()

  constructor(
    calls: Call[],
    private readonly root: string,
  ) {
    this.#lines = Math.max(...calls.map((call) => call.end))
    for (const call of calls) this.#read(call)
  }

  #read(call: Call): void {
    const { name, begin, end } = call
    if (name === 'write' && quoted(call).startsWith('MARK ')) {
      this.#mark(quoted(call).slice(5), end)
      return
    }
    if (call.answer < 0) return
    const inside = (path: string) => path.startsWith(`${this.root}/`)
    const change = (path: string, file: File | null) => this.changes.push({ path, file, begin, end, durable: NEVER })
    if (name === 'openat' && call.args.includes('O_CREAT') && inside(quoted(call))) {
      const file = { version: 0, written: NEVER, durable: NEVER }
      this.#open.set(quoted(call), file)
      change(quoted(call), file)
    } else if (name === 'mkdir' && inside(quoted(call))) {
      change(quoted(call), { version: 0, written: end, durable: end })
    } else if (name === 'write' && inside(descriptorPath(call))) {
      const file = this.#open.get(descriptorPath(call)) as File
      const step = /"currentStep":"step (\d+)"/.exec(quoted(call))
      if (step) file.version = Number(step[1])
      file.written = end
      file.durable = NEVER
    } else if (name === 'fsync' || name === 'fdatasync') {
      this.#sync(descriptorPath(call), begin, end)
    } else if (name === 'rename' && inside(quoted(call, 1))) {
      const file = this.#open.get(quoted(call)) as File
      this.#open.delete(quoted(call))
      change(quoted(call), null)
      change(quoted(call, 1), file)
    } else if (name === 'linkat' && inside(quoted(call, 1))) {
      // The file has both names until the first one is removed.
      change(quoted(call, 1), this.#open.get(quoted(call)) as File)
    } else if (name === 'unlink' && inside(quoted(call))) {
      change(quoted(call), null)
    } else if (inside(call.args.match(/"([^"]*)"/)?.[1] ?? '') && name !== 'openat') {
      throw new Error(`the checker does not know ${name}(${call.args})`)
    }
  }

  #mark(text: string, line: number): void {
    const [word, id, version] = text.trim().split(' ') as [string, string, string]
    if (word === 'try') this.deeds.push({ id, version: Number(version), tried: line, acknowledged: NEVER })
    const deed = this.deeds.find(
      (one) => one.id === id && one.version === Number(version) && one.acknowledged === NEVER,
    )
    if (word === 'ack' && deed) deed.acknowledged = line
  }

  /** A sync gets onto the disk what had ended before it began. */
  #sync(path: string, begin: number, end: number): void {
    const file = this.#open.get(path)
    if (file) {
      if (file.written < begin) file.durable = end
      this.syncs.files++
      return
    }
    this.syncs.directories++
    for (const change of this.changes) {
      if (dirname(change.path) === path && change.end < begin && change.durable === NEVER) change.durable = end
    }
  }

  /** Every promise that a power loss at some moment may break. */
  violations(conversations: Kept[]): string[] {
    const found = new Set<string>()
    for (const kept of conversations) {
      for (let line = 0; line <= this.#lines; line++) {
        const allowed = this.#allowed(kept, line)
        for (const version of this.#readable(kept, line)) {
          if (!allowed.has(version)) {
            found.add(`${kept.id}: after line ${line} a reader may find ${version}, not one of ${[...allowed]}`)
          }
        }
      }
    }
    return [...found]
  }

  /** The last acknowledged operation, and everything that was tried since. */
  #allowed({ id, before }: Kept, line: number): Set<number | string> {
    let allowed = [before.own ?? before.plain ?? 0]
    for (const deed of this.deeds) {
      if (deed.id !== id || deed.tried > line) continue
      allowed = deed.acknowledged <= line ? [deed.version] : [...allowed, deed.version]
    }
    return new Set(allowed)
  }

  #readable(kept: Kept, line: number): Set<number | string> {
    const readable = new Set<number | string>()
    if (this.#directoryMayBeMissing(dirname(kept.own), line)) readable.add(0)
    for (const own of this.#contents(kept.own, kept.before.own, line)) {
      if (own !== 0) readable.add(own)
      else if (kept.plain === undefined) readable.add(0)
      else for (const plain of this.#contents(kept.plain, kept.before.plain, line)) readable.add(plain)
    }
    return readable
  }

  /** Returns what a name may lead to: the last change that is there. Every one up to the last durable one may be the last. */
  #contents(path: string, before: number | undefined, line: number): Set<number | string> {
    let contents = new Set<number | string>([before ?? 0])
    for (const change of this.changes) {
      if (change.path !== path || change.begin > line) continue
      const version = change.file === null ? 0 : change.file.version
      if (change.durable <= line) contents = new Set()
      contents.add(version)
      if (change.file && change.file.durable > line) contents.add('a torn file')
    }
    return contents
  }

  #directoryMayBeMissing(dir: string, line: number): boolean {
    if (!dir.startsWith(`${this.root}/`)) return false
    const made = this.changes.find((change) => change.path === dir && change.file !== null)
    const missing = made !== undefined && made.durable > line
    return missing || this.#directoryMayBeMissing(dirname(dir), line)
  }
}

/**
 * Returns where conversation `id` is kept in `dir`, and what lies there at first. With an upper-case letter, its other name is the one
 * that it has where case is ignored, else its plain id.
 */
export function kept(dir: string, id: string, before: Kept['before'] = {}): Kept {
  const escaped = (letters: RegExp) =>
    `${dir}/${id.replace(letters, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)}.json`
  const own = escaped(/:/g)
  const plain = /[A-Z]/.test(id) ? escaped(/[:A-Z]/g) : `${dir}/${id}.json`
  return own === plain ? { id, own, before } : { id, own, plain, before }
}
