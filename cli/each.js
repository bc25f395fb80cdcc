'use strict'

/** How many conversations are read at the same time, and how many bytes of them. */
const AT_ONCE = 64
const BYTES_AT_ONCE = 32_000_000

/**
 * Calls `work` with each item, several at the same time, and waits for all. After a failure no other work begins.
 *
 * @template {{ size?: number }} T
 * @param {AsyncIterable<T>} items
 * @param {(item: T) => Promise<void>} work
 * @param {number} [atOnce] how many at the same time
 */
async function forEach(items, work, atOnce = AT_ONCE) {
  let running = 0
  let bytes = 0
  /** @type {{ error: unknown } | undefined} */
  let failed
  let wake = () => {}
  const settled = () => new Promise((resolve) => (wake = () => resolve(undefined)))
  /** @param {T} item */
  const start = async (item) => {
    running++
    bytes += item.size ?? 0
    try {
      await work(item)
    } catch (error) {
      failed ??= { error }
    } finally {
      running--
      bytes -= item.size ?? 0
      wake()
    }
  }
  try {
    for await (const item of items) {
      while (running > 0 && (running >= atOnce || bytes + (item.size ?? 0) > BYTES_AT_ONCE)) await settled()
      if (failed !== undefined) throw failed.error
      start(item)
    }
  } finally {
    while (running > 0) await settled()
  }
  if (failed !== undefined) throw failed.error
}

module.exports = { forEach }
