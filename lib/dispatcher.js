'use strict'

const { Dispatcher } = require('../binding.js')

// Taken now, so that a test's fake timers do not stop real storage.
const immediate = setImmediate
const settled = Promise.resolve()

/** How long the end of the process waits for un-awaited saves, in ms. */
const EXIT_PATIENCE = 5000

let dispatcher
let handOverScheduled = false
let exiting = false

/** The dispatcher of this JavaScript thread, made at its first use. */
function getDispatcher() {
  if (dispatcher === undefined) {
    dispatcher = new Dispatcher(() => immediate(settle))
    // One listener a thread, not one a storage object: those would trigger MaxListenersExceededWarning.
    // `process.exit()` runs no other clean-up: without this, saves that nobody awaited are lost (measured: 200 of 200).
    process.on('exit', () => {
      exiting = true
      dispatcher.drain(EXIT_PATIENCE)
    })
  }
  return dispatcher
}

function settle() {
  if (dispatcher.settle()) immediate(settle)
}

function handOver() {
  handOverScheduled = false
  dispatcher.handOver()
}

/** To be called after each operation: all operations of one tick are handed over together, in call order. */
function scheduleHandOver() {
  if (exiting) {
    // No microtask will run any more: an operation of a later `exit` listener has only this moment.
    dispatcher.drain(EXIT_PATIENCE)
  } else if (!handOverScheduled) {
    handOverScheduled = true
    settled.then(handOver)
  }
}

module.exports = { getDispatcher, scheduleHandOver }
