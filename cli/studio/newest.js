'use strict'

/** @typedef {import('../../lib/list-types.js').StoredConversation} StoredConversation */

const { Top } = require('../top.js')

/** How many conversations one scan goes through at most: no store, however large, keeps the viewer busy without an end. */
const MOST_SEEN = 1_000_000

/**
 * @typedef {object} Newest
 * @property {StoredConversation[]} found the newest first
 * @property {number} seen how many there are, or were gone through
 * @property {boolean} isWhole false if there are more than were gone through
 */

/**
 * Goes through all conversations and keeps the newest. The memory that it takes grows with `most` only.
 *
 * @param {AsyncIterable<StoredConversation>} list
 * @param {number} most how many are kept
 * @param {number} [mostSeen]
 * @returns {Promise<Newest>}
 */
async function newest(list, most, mostSeen = MOST_SEEN) {
  const top = new Top(most, compare)
  let seen = 0
  let isWhole = true
  for await (const conversation of list) {
    if (seen === mostSeen) {
      isWhole = false
      break
    }
    seen++
    top.add(conversation)
  }
  // Redis may list one twice.
  const unique = new Map(top.items().map((conversation) => [conversation.id, conversation]))
  return { found: [...unique.values()], seen, isWhole }
}

/**
 * The newest is first, and equal times are in the order of their ids. Those without a known age come last: in Redis an expiry tells
 * no age without its `ttl`, but what expires later was mostly saved later.
 *
 * @param {StoredConversation} one
 * @param {StoredConversation} other
 */
function compare(one, other) {
  const age = (other.updatedAt ?? -1) - (one.updatedAt ?? -1) || (other.expiresAt ?? -1) - (one.expiresAt ?? -1)
  if (age !== 0) return age
  return one.id < other.id ? -1 : one.id === other.id ? 0 : 1
}

module.exports = { newest }
