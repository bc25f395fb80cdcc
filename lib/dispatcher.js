'use strict'

const { Dispatcher } = require('./binding.js')
const { deliver, deliverFailure } = require('./monitor.js')
const { resolved, setImmediate, then } = require('./primordials.js')

/** How long the end of the process waits for un-awaited saves, in ms. */
const EXIT_TIMEOUT_MS = 5000

/** Batch size for server stores within one tick: starts at the first, doubles up to the second. */
const FIRST_BATCH = 4
const LARGEST_BATCH = 16

/** Where all copies of this module in one thread find each other's tasks for the end of the process: an array of functions. */
const EXIT_TASKS = Symbol.for('@andresaya/flowkit-storage exit tasks')

/** What is still to be done, as `Dispatcher.settle()` returns it. */
const MORE = 1
const EVENTS = 2

/** @typedef {{ flush(): void }} Flushable */

/** @type {Dispatcher | undefined} */
let dispatcher
let isScheduled = false
/** Operations on servers that were not handed over yet. */
let submitted = 0
let batchSize = FIRST_BATCH
let isExiting = false
let isListening = false
/** The rest that is flushed, synchronously, before the process ends. @type {Set<Flushable>} */
const flushedAtExit = new Set()

/** Returns the dispatcher of this JavaScript thread, made at its first use. */
function getDispatcher() {
  if (dispatcher === undefined) {
    const wake = () => {
      setImmediate(settle)
    }
    // Jest's `--detectOpenHandles` asks this of each open handle.
    wake.hasRef = () => dispatcher?.hasRef() ?? false
    dispatcher = new Dispatcher(wake)
    listenForExit()
  }
  return dispatcher
}

/**
 * Listens for the end of the process: `process.exit()` runs no other clean-up, and saves that nobody awaited would be lost
 * (measured: 200 of 200). One listener a thread, not one a storage object or a copy of this module (`jest.resetModules()`
 * makes many): those would trigger MaxListenersExceededWarning.
 */
function listenForExit() {
  if (isListening) return
  isListening = true
  const host = /** @type {NodeJS.Process & { [EXIT_TASKS]?: (() => void)[] }} */ (process)
  if (host[EXIT_TASKS] === undefined) {
    /** @type {(() => void)[]} */
    const tasks = []
    Object.defineProperty(process, EXIT_TASKS, { value: tasks })
    process.on('exit', () => {
      for (const task of tasks) task()
    })
  }
  host[EXIT_TASKS]?.push(() => {
    isExiting = true
    dispatcher?.drain(EXIT_TIMEOUT_MS)
    // Afterwards, as some of the drained operations may have been handed back.
    for (const one of flushedAtExit) one.flush()
    for (const failed of dispatcher?.takeFailedWrites() ?? []) deliverFailure(failed)
  })
}

/**
 * Calls `flush()` before the process ends, unless `cancelFlushAtExit` comes first. Calls it now if the process is ending.
 *
 * @param {Flushable} flushable
 */
function flushAtExit(flushable) {
  flushedAtExit.add(flushable)
  listenForExit()
  if (isExiting) flushable.flush()
}

/** @param {Flushable} flushable */
function cancelFlushAtExit(flushable) {
  flushedAtExit.delete(flushable)
}

function settle() {
  const left = dispatcher?.settle() ?? 0
  if (left & MORE) setImmediate(settle)
  if (left & EVENTS) for (const event of dispatcher?.takeEvents() ?? []) deliver(event)
}

function handOver() {
  isScheduled = false
  submitted = 0
  batchSize = FIRST_BATCH
  dispatcher?.handOver()
}

/** Schedules the hand-over. Called after each operation: all operations of one tick are handed over together, in call order. */
function scheduleHandOver() {
  if (isExiting) {
    // No microtask will run any more: an operation of a later `exit` listener has only this moment.
    dispatcher?.drain(EXIT_TIMEOUT_MS)
  } else if (!isScheduled) {
    isScheduled = true
    then(resolved, handOver)
  }
}

/**
 * Schedules the hand-over of operations that go to a server. If many come in one tick, the first of them are on their way
 * while the JavaScript thread still prepares the last. For a disk it is better to have them all together.
 */
function scheduleHandOverSoon() {
  scheduleHandOver()
  if (++submitted < batchSize || isExiting) return
  submitted = 0
  batchSize = Math.min(2 * batchSize, LARGEST_BATCH)
  dispatcher?.handOver()
}

module.exports = { cancelFlushAtExit, flushAtExit, getDispatcher, scheduleHandOver, scheduleHandOverSoon }
