import { expect, it } from 'vitest'

/** The cases of the suite that an adapter fails, by the beginning of their names, and what the failure says. */
export type Differences = Record<string, RegExp>

/**
 * An `it` for `runStorageContract` with which a case that is listed must fail, for the reason listed, and any other
 * must pass. `missing` returns what is listed and was never run.
 */
export function listedFailures(differences: Differences) {
  const left = new Set(Object.keys(differences))
  return {
    it(name: string, body: () => Promise<void>, timeout: number): void {
      const listed = Object.entries(differences).find(([beginning]) => name.startsWith(beginning))
      if (listed === undefined) {
        it(name, body, timeout)
        return
      }
      left.delete(listed[0])
      it(
        `differs: ${name}`,
        async () => {
          const failure = await body().then(
            () => 'nothing',
            (error: unknown) => String(error),
          )
          expect(failure).toMatch(listed[1])
        },
        timeout,
      )
    },
    missing: () => [...left],
  }
}
