'use strict'

// Taken now, so that a test's fake timers do not stop real storage.
const immediate = setImmediate
const now = performance.now.bind(performance)

/**
 * How long one turn of the event loop may be spent on operations that are done within the call, in ms. What comes beyond
 * that is done by another thread, which lets the event loop turn.
 */
const MS_PER_TURN = 1

/** An operation that takes longer, in ms, waited for the disk, or was on a large state. */
const SLOW_MS = 0.5

/** For so many times as long as a slow one took, no other is done here: they take a hundredth of the time at most. */
const PAUSE = 100

let spent = 0
let pausedUntil = 0
let turning = false

function nextTurn() {
  turning = false
  spent = 0
}

/**
 * Whether one more operation may be done on the JavaScript thread. All storages of a thread share the time.
 *
 * @param {number} began the time, by `performance.now()`
 */
function isTimeLeft(began) {
  return spent < MS_PER_TURN && began >= pausedUntil
}

/** One was done. `began`: when, as above. */
function spend(began) {
  const took = now() - began
  spent += took
  if (took > SLOW_MS) pausedUntil = began + PAUSE * took
  if (!turning) {
    turning = true
    immediate(nextTurn)
  }
}

module.exports = { isTimeLeft, now, spend }
