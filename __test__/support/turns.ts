import { setTimeout as sleep } from 'node:timers/promises'

/** Awaits `operate` so often, one after the other. Returns how many were done, at most, in one turn of the event loop. */
export async function mostInOneTurn(times: number, operate: (number: number) => Promise<unknown>): Promise<number> {
  let going = true
  let most = 0
  let sinceTurn = 0
  const turned = () => {
    most = Math.max(most, sinceTurn)
    sinceTurn = 0
    if (going) setImmediate(turned)
  }
  setImmediate(turned)
  // No timer and no socket in between: a microtask calls the next.
  for (let number = 0; number < times; number++) {
    await operate(number)
    sinceTurn++
  }
  going = false
  await sleep(20)
  return most
}
