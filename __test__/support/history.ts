import type { ConversationState, StorageAdapter } from '../../index.js'
import { versioned, versionOf } from './versions.mjs'

/** One operation as its caller met it. Times are counts of what was submitted and settled before. */
export interface Operation {
  kind: 'save' | 'delete' | 'load'
  /** The number of this write; for a load, that of the newest write submitted before it. */
  write: number
  submitted: number
  /** Absent while the promise is pending. */
  settled?: number
  /** `done`, or the code of the rejection. */
  outcome?: string
  /** The content that a load found: the number of a save, or `null` for nothing. */
  seen?: number | null
}

/** A master was replaced at `time`, by a server that held `value`, the number of a save or `null` for nothing. */
export interface Failover {
  time: number
  value: number | null
}

/** All operations on one conversation, in the order of their calls. Writes are numbered from 1. */
export interface Record {
  operations: Operation[]
  failovers: Failover[]
}

/** The record of a run, for `check` in `checker.ts` to judge. */
export class History {
  readonly records = new Map<string, Record>()
  /** Where the storage keeps things now, such as a database: each place has a record of each conversation. */
  place = '0/'
  /** Rejections with this code are right for operations that overlap with this time: somebody changed a password. */
  readonly excused: { code: string; from: number; to: number }[] = []
  /**
   * Times in which connections broke. An operation without a reply is sent again, in order. So a load may run after writes that
   * were called later and had run already, without a reply.
   */
  readonly disturbed: { from: number; to: number }[] = []
  /** The events around it, to be read beside a violation. */
  readonly journal: string[] = []
  /** The newest rejection: it tells why conversations do not go on. */
  lastError: unknown
  #time = 0

  now(): number {
    return ++this.#time
  }

  /** From now on connections break. Returns a function that ends it. */
  disturb(): () => void {
    const time = { from: this.now(), to: Number.POSITIVE_INFINITY }
    this.disturbed.push(time)
    return () => {
      time.to = this.now()
    }
  }

  note(what: string): void {
    this.journal.push(`${this.now()} ${what}`)
  }

  record(id: string): Record {
    const name = this.place + id
    const record = this.records.get(name) ?? { operations: [], failovers: [] }
    this.records.set(name, record)
    return record
  }

  /** Performs an operation and writes down how it ends. Never rejects. */
  async perform(id: string, kind: Operation['kind'], storage: StorageAdapter): Promise<Operation> {
    const record = this.record(id)
    const newest = newestWrite(record)
    const operation: Operation = { kind, write: kind === 'load' ? newest : newest + 1, submitted: this.now() }
    record.operations.push(operation)
    try {
      if (kind === 'save') await storage.save(versioned(id, operation.write))
      else if (kind === 'delete') await storage.delete(id)
      else operation.seen = seenIn(id, await storage.load(id))
      operation.outcome = 'done'
    } catch (error) {
      this.lastError = error
      const { code, retryable, message } = error as { code?: string; retryable?: boolean; message?: string }
      operation.outcome = retryable === true ? code : `${code} (${message})`
      if (code === 'ERR_STORAGE_DENIED') operation.outcome = code
    }
    operation.settled = this.now()
    return operation
  }

  /** Writes down what lies in the store in the end, found by other means than the storage. */
  found(id: string, text: string | null): void {
    const record = this.record(id)
    const seen = seenIn(id, text === null ? null : (JSON.parse(text) as ConversationState))
    const submitted = this.now()
    const operation: Operation = { kind: 'load', write: newestWrite(record), submitted, outcome: 'done', seen }
    record.operations.push({ ...operation, settled: this.now() })
  }

  /** Writes down a failover; acknowledgements of what was submitted earlier no longer promise anything. */
  failedOver(id: string, text: string | null): void {
    const value = seenIn(id, text === null ? null : (JSON.parse(text) as ConversationState))
    this.record(id).failovers.push({ time: this.now(), value })
  }

  /** How many operations ended in which way. */
  counts(): { [outcome: string]: number } {
    const counts: { [outcome: string]: number } = {}
    for (const { operations } of this.records.values()) {
      for (const { outcome = 'pending' } of operations) counts[outcome] = (counts[outcome] ?? 0) + 1
    }
    return counts
  }
}

function newestWrite({ operations }: Record): number {
  return operations.at(-1)?.write ?? 0
}

function seenIn(id: string, state: ConversationState | null): number | null {
  return state === null ? null : versionOf(id, state)
}
