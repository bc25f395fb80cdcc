import { createServer, type Server } from 'node:net'

/**
 * Below the ports that systems give to outgoing connections: one of those may take a port between the look for it and its
 * use, or while the server on it is started again.
 */
const FIRST = 10_000
const LAST = 32_000
const BLOCK = 100

/** The ports that are left of the block of this process. */
let ports: number[] = []

/**
 * Returns a port on 127.0.0.1 on which nothing listens, and which no other process of the tests takes. Each process
 * reserves a block by listening on its first port, also the tests in Rust (`crates/store/src/redis/tests/server.rs`).
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.shift()
    if (port === undefined) await reserve()
    else if (await isFree(port)) return port
  }
}

async function reserve(): Promise<void> {
  for (let first = FIRST; first < LAST; first += BLOCK) {
    const guard = await listen(first)
    if (guard === undefined) continue
    // It listens until the process ends, and does not keep it alive.
    guard.unref()
    ports = Array.from({ length: BLOCK - 1 }, (_, index) => first + 1 + index)
    return
  }
  throw new Error('every block of ports is reserved by another process')
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port)
  if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  return server !== undefined
}

/** Resolves with `undefined` if the port is taken. */
function listen(port: number): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
