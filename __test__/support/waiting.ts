/** Longer than any step of a test takes, whatever else the machine does, and shorter than the limit of a test; ms. */
export const LONG = 240_000

export const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

/** Waits until `holds` returns true. An error means that it does not hold yet. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  { within = 120_000, every = 20 } = {},
): Promise<void> {
  const end = performance.now() + within
  let last: unknown
  while (performance.now() < end) {
    try {
      if (await holds()) return
      last = undefined
    } catch (error) {
      last = error
    }
    await sleep(every)
  }
  throw new Error(`not within ${within} ms: ${what}`, { cause: last })
}
