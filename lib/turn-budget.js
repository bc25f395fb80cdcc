'use strict'

const { setImmediate } = require('./primordials.js')

/**
 * How long one turn of the event loop may spend on operations that are done on this thread, in ms. All storages of a thread
 * share it.
 */
const MS_PER_TURN = 1

let spent = 0
let isTurning = false
/** @type {(() => void)[]} */
const delayed = []

function nextTurn() {
  isTurning = false
  spent = 0
  for (const action of delayed.splice(0)) action()
}

/** Returns whether this turn has time left. */
function hasTime() {
  return spent < MS_PER_TURN
}

/**
 * Counts time that this turn has spent.
 *
 * @param {number} ms
 */
function spend(ms) {
  spent += ms
  if (isTurning) return
  isTurning = true
  setImmediate(nextTurn)
}

/**
 * Calls `action` now if this turn has time left, else in the next turn. Actions are called in order.
 *
 * @param {() => void} action
 */
function whenThereIsTime(action) {
  if (hasTime()) action()
  else delayed.push(action)
}

module.exports = { hasTime, spend, whenThereIsTime }
