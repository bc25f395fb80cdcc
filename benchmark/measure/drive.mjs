// The two ways to put a load on a storage.

/** A turn of the event loop is let go on this long before a chain that is served synchronously lets it end. */
const TURN_MS = 0.1

/**
 * A fixed number of chains, each of which waits for its operation before it begins the next. What is done within the
 * call never leaves the microtasks, and the event loop would stand still for the whole measurement: a chain whose
 * operation began in this turn of the event loop waits for the next turn, unless the turn is younger than 0.1 ms.
 *
 * @param {object} load
 * @param {(chain: number) => Promise<unknown>} load.operate
 * @param {number} load.chains
 * @param {number} load.duration milliseconds, at least
 * @param {number} load.minimum operations, at least
 * @param {number} load.limit milliseconds, at most
 * @param {(ms: number) => void} [load.record] is told how long each operation took
 * @returns {Promise<{ operations: number, elapsed: number }>} elapsed in milliseconds
 */
export async function closedLoop({ operate, chains, duration, minimum, limit, record }) {
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
      const start = performance.now()
      const elapsed = start - began
      if (elapsed >= limit || (elapsed >= duration && operations >= minimum)) return
      if (!watched) {
        watched = true
        setImmediate(nextTurn)
      }
      const startTurn = turn
      await operate(index)
      const end = performance.now()
      operations++
      record?.(end - start)
      if (turn === startTurn && end - turnBegan > TURN_MS) await new Promise((resolve) => waiting.push(resolve))
    }
  }
  await Promise.all(Array.from({ length: chains }, (_, index) => chain(index)))
  return { operations, elapsed: performance.now() - began }
}

/**
 * A fixed rate of arrivals, whatever becomes of the earlier ones. Each is measured from the moment at which it was
 * meant to begin: if the event loop was blocked then, that counts as waiting, as it does for a user. Arrivals are let
 * in once a millisecond.
 *
 * @param {object} load
 * @param {(arrival: number) => Promise<unknown>} load.operate
 * @param {number} load.rate arrivals a second
 * @param {number} load.duration milliseconds
 * @param {number} load.limit milliseconds, after which those still waiting are recorded as they are
 * @param {(ms: number) => void} load.record
 * @returns {Promise<{ operations: number, elapsed: number, unfinished: number }>}
 */
export async function openLoop({ operate, rate, duration, limit, record }) {
  const began = performance.now()
  const total = Math.max(1, Math.floor((rate * duration) / 1000))
  /** @type {Map<number, number>} */
  const pending = new Map()
  let arrived = 0
  /** @type {unknown} */
  let failure
  await new Promise((resolve) => {
    const tick = () => {
      const now = performance.now()
      const due = Math.min(total, Math.floor(((now - began) * rate) / 1000))
      while (arrived < due) {
        const arrival = arrived++
        const intended = began + (arrival * 1000) / rate
        pending.set(arrival, intended)
        operate(arrival).then(
          () => {
            if (pending.delete(arrival)) record(performance.now() - intended)
          },
          (error) => {
            failure ??= error
          },
        )
      }
      if (failure || (arrived === total && pending.size === 0) || now - began > limit) resolve(undefined)
      else setTimeout(tick, 1)
    }
    tick()
  })
  if (failure) throw failure
  const now = performance.now()
  const unfinished = pending.size + (total - arrived)
  for (const intended of pending.values()) record(now - intended)
  pending.clear()
  return { operations: total - unfinished, elapsed: now - began, unfinished }
}
