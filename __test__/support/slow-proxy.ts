import { type AddressInfo, connect, createServer } from 'node:net'

const PIECES_PER_SECOND = 20

/**
 * Starts a slow stretch of network to a server on 127.0.0.1. It takes all that the client sends at once, as the buffers of a
 * proxy do, and passes on this many bytes a second. Replies are not slowed down.
 */
export async function startSlowProxy(target: number, bytesPerSecond: number) {
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    const waiting: Buffer[] = []
    const timer = setInterval(() => {
      const bytes = Buffer.concat(waiting.splice(0))
      const length = bytesPerSecond / PIECES_PER_SECOND
      if (bytes.length > 0) far.write(bytes.subarray(0, length))
      if (bytes.length > length) waiting.push(bytes.subarray(length))
    }, 1000 / PIECES_PER_SECOND)
    near.on('data', (chunk) => waiting.push(chunk))
    far.on('data', (chunk) => near.write(chunk))
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        clearInterval(timer)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
