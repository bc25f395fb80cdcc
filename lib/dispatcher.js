'use strict'

const { Dispatcher } = require('./binding.js')
const { isTimeLeft, now, spend } = require('./turn-budget.js')

// Taken now, so that a test's fake timers do not stop real storage.
const immediate = setImmediate
const settled = Promise.resolve()
// The engine's own, whatever is put in its place later: operations would never be handed over.
const then = Function.prototype.call.bind(Promise.prototype.then)

/** How long the end of the process waits for un-awaited saves, in ms. */
const EXIT_PATIENCE = 5000

/**
 * How many operations on a server are handed over at once: first so many, in the same tick then twice as many, at most
 * so many.
 */
const FIRST_TOGETHER = 4
const MOST_TOGETHER = 16

/** Where all copies of this module in one thread find each other's tasks for the end of the process: an array of functions. */
const EXIT_TASKS = Symbol.for('@andresaya/flowkit-storage exit tasks')

let dispatcher
let handOverScheduled = false
let waiting = 0
let together = FIRST_TOGETHER
let exiting = false
let listening = false
/** What else has to be flushed, synchronously, before the process ends: has a method `flush()`. */
const flushedAtExit = new Set()

/** The dispatcher of this JavaScript thread, made at its first use. */
function getDispatcher() {
  if (dispatcher === undefined) {
    const wake = () => immediate(settle)
    // Asked by what lists open handles, such as Jest.
    wake.hasRef = () => dispatcher?.hasRef() ?? false
    dispatcher = new Dispatcher(wake)
    listenForExit()
  }
  return dispatcher
}

/**
 * `process.exit()` runs no other clean-up: without this, saves that nobody awaited are lost (measured: 200 of 200). One
 * listener a thread, not one a storage object or a copy of this module (`jest.resetModules()` makes many): those would
 * trigger MaxListenersExceededWarning.
 */
function listenForExit() {
  if (listening) return
  listening = true
  if (process[EXIT_TASKS] === undefined) {
    const tasks = []
    Object.defineProperty(process, EXIT_TASKS, { value: tasks })
    process.on('exit', () => {
      for (const task of tasks) task()
    })
  }
  process[EXIT_TASKS].push(() => {
    exiting = true
    for (const one of flushedAtExit) one.flush()
    dispatcher?.drain(EXIT_PATIENCE)
    // What the drained ones gave back.
    for (const one of flushedAtExit) one.flush()
  })
}

/** Something waits for the end of this tick: sees to it that the end of the process does not come first. */
function flushAtExit(flushable) {
  flushedAtExit.add(flushable)
  listenForExit()
  if (exiting) flushable.flush()
}

/** Nothing waits any more. */
function nothingAtExit(flushable) {
  flushedAtExit.delete(flushable)
}

function settle() {
  if (dispatcher.settle()) immediate(settle)
}

function handOver() {
  handOverScheduled = false
  waiting = 0
  together = FIRST_TOGETHER
  const began = now()
  if (!isTimeLeft(began)) dispatcher.handOver()
  else if (dispatcher.handOverAtOnce()) {
    spend(began)
    settle()
  }
}

/**
 * The same for operations that go to a server: where many come in one tick, the first of them are on their way while
 * the JavaScript thread still prepares the last. For a disk it is better to have them all together.
 */
function scheduleHandOverSoon() {
  scheduleHandOver()
  if (++waiting < together || exiting) return
  waiting = 0
  together = Math.min(2 * together, MOST_TOGETHER)
  dispatcher.handOver()
}

/** To be called after each operation: all operations of one tick are handed over together, in call order. */
function scheduleHandOver() {
  if (exiting) {
    // No microtask will run any more: an operation of a later `exit` listener has only this moment.
    dispatcher.drain(EXIT_PATIENCE)
  } else if (!handOverScheduled) {
    handOverScheduled = true
    then(settled, handOver)
  }
}

module.exports = { flushAtExit, getDispatcher, nothingAtExit, scheduleHandOver, scheduleHandOverSoon }
