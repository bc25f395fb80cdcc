import { parsed } from './short-meaning.js'

/** Returns whether something is stored of which this is true. */
type SomeText = (isFound: (text: string | undefined) => boolean) => boolean

/**
 * Tells what else a call may find whose reply was lost with its connection. It is repeated. So it finds what was called after
 * it, if that had run before the connection broke (docs/redis.md).
 */
export class LostReplies {
  /** What was stored since the connections broke, in the order of the calls; absent if none did. */
  #stored: (string | undefined)[] | undefined

  begin() {
    this.#stored = []
  }

  end() {
    this.#stored = undefined
  }

  note(text: string | undefined) {
    this.#stored?.push(text)
  }

  /** Returns what tells, later on, whether a call that is made now may have found something. */
  later(): SomeText {
    const stored = this.#stored
    const from = stored?.length
    return (isFound) => stored?.slice(from).some(isFound) ?? false
  }
}

/** Returns what `JSON.stringify` makes of a loaded state. */
export const writtenOf = (text: string | undefined, id: string) =>
  JSON.stringify(text === undefined ? null : parsed(text, id))
