/**
 * Says what an operation on a conversation does, by its number: nearly always a save of that version, sometimes a delete.
 * So a number says what a load may find, in any process, and nothing else has to be remembered.
 */
import { versioned, versionOf } from '../support/versions.mjs'

export function isDelete(number) {
  return number % 11 === 0
}

export function perform(storage, id, number) {
  return isDelete(number) ? storage.delete(id) : storage.save(versioned(id, number))
}

/**
 * Says what is wrong with `state`, if anything, where operation `acked` was acknowledged and those up to `begun` were
 * begun: each of these may have taken effect.
 */
export function judge(id, state, acked, begun) {
  let version
  try {
    version = versionOf(id, state)
  } catch (error) {
    return error.message
  }
  for (let number = acked; number <= begun; number++) {
    if (number === 0 ? state === null : isDelete(number) ? state === null : version === number) return undefined
  }
  return `lost: it is at ${version || 'nothing'} where ${acked} was acknowledged and ${begun} begun`
}
