import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'

type Reply = { result: unknown } | { error: string }

export interface UpstashServer {
  url: string
  stop(): Promise<void>
}

/** Serves Upstash's REST interface in front of a real Redis server: commands and pipelines are posted as JSON. */
export async function startUpstash(redisPort: number): Promise<UpstashServer> {
  const redis = new Redis(redisPort)
  async function execute(command: unknown[], encode: (value: unknown) => unknown): Promise<Reply> {
    try {
      const [name, ...values] = command.map(String) as [string, ...string[]]
      return { result: encode(await redis.call(name, ...values)) }
    } catch (error) {
      return { error: (error as Error).message }
    }
  }
  const server = createServer(async (request, response) => {
    const encode = request.headers['upstash-encoding'] === 'base64' ? inBase64 : (value: unknown) => value
    const body = JSON.parse(await textOf(request))
    const isPipeline = request.url === '/pipeline'
    // In the order of the list, as Upstash does it.
    const replies = await Promise.all(
      (isPipeline ? body : [body]).map((command: unknown[]) => execute(command, encode)),
    )
    const [reply] = replies
    response.statusCode = isPipeline || 'result' in reply ? 200 : 400
    response.end(JSON.stringify(isPipeline ? replies : reply))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await redis.quit()
    },
  }
}

function inBase64(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inBase64)
  return typeof value === 'string' && value !== 'OK' ? Buffer.from(value).toString('base64') : value
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
