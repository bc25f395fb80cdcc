import fc from 'fast-check'

import type { Anything } from './hostile-values.js'

/** For each property. */
export const SECONDS = Number(process.env.FLOWKIT_FUZZ_SECONDS ?? 3)
export const SEED = Number(process.env.FLOWKIT_FUZZ_SEED ?? Date.now() % 1_000_000)

/** Tries a property until the time is over. */
export const check = (property: fc.IAsyncProperty<Anything> | fc.IProperty<Anything>) =>
  fc.assert(property as fc.IAsyncProperty<Anything>, {
    seed: SEED,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: SECONDS * 1000,
    endOnFailure: true,
  })

/** Of a test that tries one, in ms. */
export const TIMEOUT = (SECONDS + 60) * 1000
