import { type IncomingHttpHeaders, request } from 'node:http'
import { createRequire } from 'node:module'
import { onTestFinished } from 'vitest'

import type { MemoryStorage } from '../../index.js'

const { startStudio } = createRequire(import.meta.url)('../../cli/studio/server.js')

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** The body, as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  json: any
}

/** A viewer that runs in this process, and a reader with its key. */
export interface Studio {
  url: string
  port: number
  key: string
  /** Where the conversations are, once `enter` was called. */
  base: string
  cookie: string
  close(): Promise<void>
  /** Asks with these headers and no others, besides a right `Host`. */
  get(path: string, headers?: Record<string, string | string[]>, method?: string): Promise<Reply>
  /** Gives the key for the cookie. */
  enter(): Promise<Reply>
  /** Asks for something below `base`, with the cookie. */
  ask(path: string, parameters?: Record<string, string>): Promise<Reply>
}

/** Starts the viewer of a storage. It ends with the test. */
export async function openStudio(storage: object, describe = 'a store of this test'): Promise<Studio> {
  const { url, port, close } = await startStudio({ storage: storage as MemoryStorage, describe })
  const studio: Studio = {
    url,
    port,
    key: new URL(url).hash.slice(1),
    base: '',
    cookie: '',
    close,
    get: (path, headers = {}, method = 'GET') => get(port, path, headers, method),
    async enter() {
      const reply = await studio.get('/session', { Authorization: `Bearer ${studio.key}` })
      studio.base = reply.json.base
      studio.cookie = reply.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      return reply
    },
    ask: (path, parameters = {}) =>
      studio.get(`${studio.base}${path}?${new URLSearchParams(parameters)}`, { Cookie: studio.cookie }),
  }
  onTestFinished(close)
  return studio
}

function get(port: number, path: string, headers: Record<string, string | string[]>, method: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const all = { Host: `127.0.0.1:${port}`, ...headers }
    const asked = request({ host: '127.0.0.1', port, path, method, headers: all, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => {
        const isJson = response.headers['content-type']?.startsWith('application/json')
        const json = isJson ? JSON.parse(body) : undefined
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, json })
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}
