// Puts a load on a storage.

/** The age in milliseconds from which a turn of the event loop ends before a chain begins its next operation. */
const TURN_MS = 0.1

/**
 * Runs a fixed number of chains. Each chain waits for its operation before it begins the next one.
 *
 * An operation that is done within the call never leaves the microtasks, and the event loop would stand still during
 * the whole measurement. So a chain whose operation began in this turn of the event loop waits for the next turn,
 * unless the turn is younger than 0.1 ms.
 *
 * @param {object} load
 * @param {(chain: number) => Promise<unknown>} load.operate
 * @param {number} load.chains
 * @param {number} load.duration milliseconds, at least
 * @param {number} load.minimum operations, at least
 * @param {number} load.limit milliseconds, at most
 * @returns {Promise<{ operations: number, elapsed: number }>} elapsed in milliseconds
 */
export async function closedLoop({ operate, chains, duration, minimum, limit }) {
  let operations = 0
  let turn = 0
  let watched = false
  /** @type {(() => void)[]} */
  let waiting = []
  const began = performance.now()
  let turnBegan = began
  const nextTurn = () => {
    turn++
    watched = false
    turnBegan = performance.now()
    const resume = waiting
    waiting = []
    for (const go of resume) go()
  }
  const chain = async (index) => {
    for (;;) {
      const elapsed = performance.now() - began
      if (elapsed >= limit || (elapsed >= duration && operations >= minimum)) return
      if (!watched) {
        watched = true
        setImmediate(nextTurn)
      }
      const startTurn = turn
      await operate(index)
      operations++
      if (turn === startTurn && performance.now() - turnBegan > TURN_MS)
        await new Promise((resolve) => waiting.push(resolve))
    }
  }
  await Promise.all(Array.from({ length: chains }, (_, index) => chain(index)))
  return { operations, elapsed: performance.now() - began }
}
