import type { Failover, History, Operation, Record } from './history.js'

/** Codes that say "later, perhaps": right wherever the server was not there. */
const RETRYABLE = ['ERR_STORAGE_UNAVAILABLE', 'ERR_STORAGE_TIMEOUT']

export interface Violation {
  /**
   * - `unsettled`: a promise is still pending;
   * - `lost`: what was acknowledged is not there any more;
   * - `order`: a load finds what was only written after it;
   * - `backwards`: a load finds something older than the load before it;
   * - `refused`: a rejection that says something else than "later, perhaps".
   */
  kind: 'unsettled' | 'lost' | 'order' | 'backwards' | 'refused'
  id: string
  what: string
}

/**
 * Judges a history. For every conversation:
 *
 * - every promise is settled, and rejected only with a retryable code;
 * - a load finds at least the newest write called before it that was acknowledged (at any time: the write had its turn
 *   first), and at most the newest one called before it. Between them lie writes that were rejected: whether those took
 *   effect is unknown;
 * - what loads find never gets older.
 *
 * After a failover "acknowledged" means: held by the server that took over, or called after it had taken over. What loads find may
 * become older once, by the failover itself, and not older than what that server held.
 *
 * While connections break, a load may also find what was called after it and before its reply.
 */
export function check(history: History): Violation[] {
  return [...history.records].flatMap(([id, record]) => checkOne(id, record, history))
}

/** Acknowledged writes that a failover did not bring along, over all conversations. */
export function countLost(history: History): number {
  let lost = 0
  for (const { operations, failovers } of history.records.values()) {
    for (const { time, value } of failovers) {
      const from = value ?? lastDelete(operations, time)
      const isLost = ({ kind, write, outcome, settled = Number.POSITIVE_INFINITY }: Operation) =>
        kind !== 'load' && outcome === 'done' && settled < time && write > from
      lost += operations.filter(isLost).length
    }
  }
  return lost
}

/** Where nothing is stored, what was there last was deleted. */
function lastDelete(operations: Operation[], time: number): number {
  return operations.findLast(({ kind, submitted }) => kind === 'delete' && submitted < time)?.write ?? 0
}

function checkOne(id: string, { operations, failovers }: Record, { excused, disturbed }: History): Violation[] {
  const violations: Violation[] = []
  const report = (kind: Violation['kind'], what: string) => violations.push({ kind, id, what })
  const deletes = operations.filter(({ kind }) => kind === 'delete').map(({ write }) => write)
  // One for the time before the first failover, and one for the time after each.
  const eras = [undefined, ...failovers].map((failover) => new Era(failover))

  for (const operation of operations) {
    const { kind, write, submitted, settled, outcome, seen } = operation
    const shown = `${submitted}..${settled}: ${kind} ${write}`
    if (settled === undefined || outcome === undefined) {
      report('unsettled', shown)
      continue
    }
    if (outcome !== 'done') {
      const excuse = excused.some(({ code, from, to }) => outcome === code && submitted <= to && from <= settled)
      if (!RETRYABLE.includes(outcome) && !excuse) report('refused', `${shown}: ${outcome}`)
      continue
    }
    if (kind !== 'load') {
      for (const era of eras) era.acknowledge(operation)
      continue
    }
    const era = eras.findLast(({ start }) => start < settled) as Era
    const found = seen === null || seen === undefined ? [0, ...deletes] : [seen]
    const verdict = era.judge(found, write, latest(operations, operation, disturbed))
    if (verdict !== undefined) report(verdict, `${shown} found ${seen}, but ${era.floor}`)
  }
  return violations
}

/** The newest write that this load may find. */
function latest(operations: Operation[], load: Operation, disturbed: History['disturbed']): number {
  const { submitted, settled = 0, write } = load
  const ends = disturbed.filter(({ from, to }) => from <= settled && submitted <= to).map(({ to }) => to)
  if (ends.length === 0) return write
  const end = Math.min(settled, Math.max(...ends))
  const others = operations.slice(operations.indexOf(load)).filter((later) => later.submitted < end)
  return others.at(-1)?.write ?? write
}

/** From one failover to the next. */
class Era {
  readonly start: number
  #acknowledged = 0
  #seen: number

  constructor(failover: Failover | undefined) {
    this.start = failover?.time ?? 0
    this.#seen = failover?.value ?? 0
  }

  get floor(): string {
    return `write ${this.#acknowledged} was acknowledged and ${this.#seen} found before`
  }

  acknowledge({ submitted, write }: Operation): void {
    if (submitted > this.start) this.#acknowledged = write
  }

  /**
   * `found` holds every write that leaves what was found; the oldest possible one counts. `called` is the newest write
   * called before the load, and `newest` the newest one that it may find.
   */
  judge(found: number[], called: number, newest: number): Violation['kind'] | undefined {
    const possible = found.filter((write) => write <= newest)
    if (possible.length === 0) return 'order'
    const kept = possible.filter((write) => write >= this.#acknowledged)
    if (kept.length === 0) return 'lost'
    const onwards = kept.filter((write) => write >= this.#seen)
    if (onwards.length === 0) return 'backwards'
    // What was called later is still to come for the loads in between.
    this.#seen = Math.min(called, ...onwards)
    return undefined
  }
}
