/** One entry that a turn appended to a conversation, or a plain save or delete beside the turns. Times are of one clock. */
export interface Deed {
  id: string
  /** Names what it leaves in the conversation; absent for a delete. */
  entry?: string
  /** Replaces everything that is there, without a lock. */
  isPlain?: boolean
  began: number
  /** Absent if nobody heard of its end: its process was killed. */
  ended?: number
  /** `done`, or the code and the operation of the rejection. */
  outcome?: string
}

/** Rejections of turns that changed nothing. A lost connection also leaves it open. */
const CHANGED_NOTHING = /^(ERR_STORAGE_CONFLICT (save|delete|update)|\w+ lock)$/
const LEAVES_IT_OPEN = /^ERR_STORAGE_(TIMEOUT|UNAVAILABLE) (load|save|update)$/

/**
 * Judges turns that appended to conversations while processes were killed and stopped. For every conversation:
 *
 * - `lost`: an entry that was acknowledged is there, unless a plain save or delete may have come after it;
 * - `twice`: no entry is there twice;
 * - `refused`: an entry whose turn was refused is not there, and turns are refused only as the rule of locks says;
 * - `back`: what a plain save or delete replaced is not there again;
 * - `order`: if one turn was acknowledged before another one began, its entry is before the other's.
 */
export function judgeTurns(deeds: Deed[], stored: Map<string, string[]>): string[] {
  return [...stored].flatMap(([id, entries]) =>
    judgeOne(
      deeds.filter((deed) => deed.id === id),
      entries,
    ).map((violation) => `${id}: ${violation}`),
  )
}

function judgeOne(deeds: Deed[], entries: string[]): string[] {
  const found: string[] = []
  const plain = deeds.filter(({ isPlain }) => isPlain)
  const mayFollow = (one: Deed) => plain.some((other) => other !== one && (other.ended ?? Infinity) > one.began)
  const isReplaced = ({ ended = Infinity }: Deed) =>
    plain.some((other) => other.outcome === 'done' && ended < other.began)
  for (const deed of deeds) {
    const { entry, outcome } = deed
    if (entry === undefined) continue
    const count = entries.filter((other) => other === entry).length
    if (count > 1) found.push(`twice ${entry}`)
    if (outcome === 'done') {
      if (count === 0 && !mayFollow(deed)) found.push(`lost ${entry}`)
      if (count > 0 && isReplaced(deed)) found.push(`back ${entry}`)
    } else if (outcome !== undefined && !LEAVES_IT_OPEN.test(outcome)) {
      if (count > 0 || !CHANGED_NOTHING.test(outcome)) found.push(`refused ${entry}: ${outcome}`)
    }
  }
  const listed = entries.map((entry) => deeds.find((deed) => deed.entry === entry))
  for (const [index, later] of listed.entries()) {
    if (later === undefined) found.push(`unknown ${entries[index]}`)
    for (const earlier of listed.slice(0, index)) {
      if (later && earlier && (later.ended ?? Infinity) < earlier.began) {
        found.push(`order ${earlier.entry} before ${later.entry}`)
      }
    }
  }
  return found
}
