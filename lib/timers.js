'use strict'

// Timers and a clock as Node.js made them. Fake timers may have replaced those of the modules too (sinonjs/fake-timers#467,
// `mock.timers` of `node:test`): a turn would then wait forever for the lock of another process. They replace what the object
// itself has, and leave its prototype alone.

const { performance } = require('node:perf_hooks')
const timers = require('node:timers')
const { scheduler } = require('node:timers/promises')

/** In Bun the prototype has no clock, and the object itself has the real one. @type {() => number} */
const now = (Object.getPrototypeOf(performance).now ?? performance.now).bind(performance)
/** @type {(milliseconds: number, options: { signal: AbortSignal, ref: boolean }) => Promise<void>} */
const wait = Object.getPrototypeOf(scheduler).wait?.bind(scheduler)

/** A timer without the functions that are faked. */
class Timer {
  #controller = new AbortController()
  #task
  #milliseconds

  /**
   * @param {() => void} task
   * @param {number} milliseconds
   */
  constructor(task, milliseconds) {
    this.#task = task
    this.#milliseconds = milliseconds
    this.#start(true)
  }

  /** @param {boolean} ref */
  #start(ref) {
    wait(this.#milliseconds, { signal: this.#controller.signal, ref }).then(this.#task, () => {})
  }

  /** Lets the process end while the timer runs. Called as soon as the timer is made. */
  unref() {
    this.stop()
    this.#controller = new AbortController()
    this.#start(false)
    return this
  }

  stop() {
    this.#controller.abort()
  }
}

/** Returns whether the timers of the module are those of Node.js. */
function areReal() {
  const timer = timers.setTimeout(() => {}, 1)
  timers.clearTimeout(timer)
  return '_idleTimeout' in Object(timer)
}

/** @type {Pick<typeof timers, 'clearTimeout' | 'setTimeout'>} */
const real = /** @type {any} */ (
  areReal() || wait === undefined
    ? timers
    : {
        /** @param {Timer | undefined} timer */
        clearTimeout: (timer) => timer?.stop(),
        /** @param {() => void} task @param {number} milliseconds */
        setTimeout: (task, milliseconds) => new Timer(task, milliseconds),
      }
)

// Not `real` itself: its functions may be replaced later.
module.exports = { clearTimeout: real.clearTimeout, now, setTimeout: real.setTimeout }
