import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * A stretch of network between a client and a server on 127.0.0.1, which can be cut. It never changes or leaves out bytes in
 * the middle of a connection that goes on, as TCP does not either.
 */
export interface TcpProxy {
  port: number
  /**
   * From now on nothing passes, in either direction, also not on new connections, which are accepted. `keep` says what
   * becomes of what is sent meanwhile: kept for `mend`, or gone for good, so that only `drop` can follow.
   */
  cut(keep: boolean): void
  /** Returns how many bytes of the client have come since `cut` and are kept. */
  held(): number
  /** Delivers what was kept and lets everything pass again. */
  mend(): void
  /** Breaks every connection, forgets what was kept, and lets new connections pass. */
  drop(): void
  /**
   * Breaks every connection for the client only, as a middlebox does that forgets it, and lets new connections pass. What
   * the client had sent since `cut` arrives when the returned function is called; that resolves once the server has
   * replied to it, or has closed that connection.
   */
  strand(): () => Promise<void>
  /** Loses what the server says next, and breaks the connection that it says it on. The server has done what was asked. */
  loseNextReply(): void
  /** Breaks every connection. New ones lead to this port, as after a failover. */
  redirect(port: number): void
  close(): Promise<void>
}

interface Pair {
  near: Socket
  far: Socket
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  let cut = false
  let keep = true
  let losesNext = false

  function pass(from: Socket, to: Socket, isReply: boolean): void {
    from.on('data', (chunk) => {
      if (isReply && losesNext) {
        losesNext = false
        to.destroy()
      } else if (!cut) to.write(chunk)
    })
    from.on('end', () => {
      if (!cut) to.end()
    })
    from.on('error', () => to.destroy())
    from.on('close', () => {
      if (!cut) to.destroy()
    })
  }

  const server = createServer((near) => {
    const pair = { near, far: connect(target, '127.0.0.1') }
    near.setNoDelay(true)
    pair.far.setNoDelay(true)
    pairs.add(pair)
    pass(near, pair.far, false)
    pass(pair.far, near, true)
    near.once('close', () => {
      if (pair.far.destroyed) pairs.delete(pair)
    })
    pair.far.once('close', () => {
      if (near.destroyed) pairs.delete(pair)
    })
    if (cut && keep) hold(pair)
  })

  function hold({ near, far }: Pair): void {
    near.pause()
    far.pause()
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    cut(kept) {
      cut = true
      keep = kept
      // A paused socket leaves the bytes with the kernel, and pushes back once it is full, as a real line does.
      if (keep) for (const pair of pairs) hold(pair)
    },
    held: () => [...pairs].reduce((sum, { near }) => sum + near.readableLength, 0),
    mend() {
      if (cut && !keep) throw new Error('bytes are gone: a connection that goes on would be nonsense')
      cut = false
      for (const { near, far } of pairs) {
        near.resume()
        far.resume()
        // Ended meanwhile.
        if (near.destroyed) far.destroy()
        if (far.destroyed) near.destroy()
      }
    },
    drop() {
      for (const { near, far } of pairs) {
        near.destroy()
        far.destroy()
      }
      pairs.clear()
      cut = false
    },
    strand() {
      if (!cut || !keep) throw new Error('there is nothing that could arrive late')
      const stranded = [...pairs].map(({ near, far }) => {
        const late: Buffer[] = []
        for (let chunk = near.read(); chunk !== null; chunk = near.read()) late.push(chunk)
        near.removeAllListeners('close')
        near.destroy()
        far.removeAllListeners('data')
        return { far, late }
      })
      pairs.clear()
      cut = false
      return async () => {
        await Promise.all(
          stranded.map(async ({ far, late }) => {
            const noticed = new Promise<void>((resolve) => {
              far.on('data', () => resolve())
              far.on('close', () => resolve())
              // A connection that has nothing to say gets no reply.
              if (far.destroyed || late.length === 0) resolve()
            })
            far.resume()
            if (!far.destroyed) for (const chunk of late) far.write(chunk)
            await noticed
            far.destroy()
          }),
        )
      }
    },
    loseNextReply() {
      losesNext = true
    },
    redirect(port) {
      target = port
      proxy.drop()
    },
    async close() {
      proxy.drop()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy
}
