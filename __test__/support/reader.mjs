import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('../children/reader.mjs', import.meta.url))

/** A process of its own, without the shim, that says which version of a conversation lies in a place. */
export function startReader() {
  const { LD_PRELOAD: _, ...env } = process.env
  const child = spawn(process.execPath, [SCRIPT], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async look(place, id) {
      child.stdin.write(`${JSON.stringify({ place, id })}\n`)
      const { value } = await lines.next()
      const { version, error } = JSON.parse(value)
      if (error !== undefined) throw new Error(error)
      return version
    },
    end() {
      child.stdin.end()
    },
  }
}
