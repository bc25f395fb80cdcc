'use strict'

/** @import { IncomingMessage, ServerResponse } from 'node:http' */

const { createServer } = require('node:http')

const { Conversations } = require('./conversations.js')
const { Guard } = require('./guard.js')
const { readPage } = require('./page.js')

/** @typedef {import('./conversations.js').Storage} Storage */
/** @typedef {{ status: number, type: string, body: string, headers?: Record<string, string> }} Reply */

/** Whoever keeps more connections open than this is no browser that shows the page. */
const MOST_CONNECTIONS = 64

/** In each reply. There is no CORS header: without one, no other site may read a reply. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
}
const NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"

/**
 * Starts the viewer of a storage, for browsers on this machine. It reads, and changes nothing.
 *
 * @param {object} given
 * @param {Storage} given.storage of any adapter
 * @param {string} given.describe names the store on the page, without a password
 * @returns {Promise<{ url: string, port: number, close: () => Promise<void> }>} the address holds the key
 */
async function startStudio({ storage, describe }) {
  const guard = new Guard()
  const page = readPage()
  const conversations = new Conversations(storage, describe)
  const server = createServer((request, response) => {
    // The reader may go away at any time.
    response.on('error', () => {})
    const ended = new AbortController()
    response.on('close', () => ended.abort())
    route(request, guard, page, conversations, ended.signal).then(
      (reply) => send(response, reply),
      (error) => send(response, failed(error)),
    )
  })
  server.maxConnections = MOST_CONNECTIONS
  server.requestTimeout = 10_000
  // By address: a name, or none, may listen on interfaces that others reach (prisma/studio#805).
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(undefined))
  })
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  guard.listensOn(port)
  return {
    url: `http://127.0.0.1:${port}/#${guard.key}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/**
 * @param {IncomingMessage} request
 * @param {InstanceType<typeof Guard>} guard
 * @param {import('./page.js').Page} page
 * @param {InstanceType<typeof Conversations>} conversations
 * @param {AbortSignal} ended aborts if the reader goes away
 * @returns {Promise<Reply>}
 */
async function route(request, guard, page, conversations, ended) {
  const refusal = guard.refuse(request)
  if (refusal !== undefined) return words(refusal.status, refusal.reason)
  // Compared as it is written: whatever a path resolves to, only these exist.
  const [path = '', query = ''] = (request.url ?? '').split('?', 2)
  // The page holds nothing of the store, and its address without the key leads to words of explanation.
  if (path === '/' || path === guard.base) {
    return { status: 200, type: 'text/html', body: page.html, headers: { 'Content-Security-Policy': page.policy } }
  }
  if (path === '/session') {
    if (!guard.hasKey(request)) return words(401, 'The key is not the one of this viewer.')
    return json(200, { base: guard.base }, { 'Set-Cookie': guard.setCookie })
  }
  const name = path.startsWith(guard.base) ? path.slice(guard.base.length) : ''
  if (!guard.hasCookie(request)) return words(name === '' ? 404 : 401, 'There is nothing here.')
  const parameters = new URLSearchParams(query)
  switch (name) {
    case 'list':
      return json(200, await conversations.list(parameters, ended))
    case 'conversation':
      return json(200, await conversations.view(parameters))
    case 'text': {
      const text = await conversations.text(parameters)
      return text === undefined ? words(404, 'There is nothing here.') : words(200, text)
    }
    default:
      return words(404, 'There is nothing here.')
  }
}

/** @param {any} error */
function failed(error) {
  // A StorageError says what to do, and holds no piece of a state. Anything else is not for strangers.
  if (error?.code === 'ERR_STORAGE_INVALID_ID') return json(400, { error: error.message })
  if (typeof error?.status === 'number') return json(error.status, { error: error.message })
  const isKnown = typeof error?.code === 'string' && error.code.startsWith('ERR_STORAGE_')
  return json(500, { error: isKnown ? error.message : 'The viewer failed. Please report it.' })
}

/**
 * @param {number} status
 * @param {unknown} value
 * @param {Record<string, string>} [headers]
 * @returns {Reply}
 */
function json(status, value, headers) {
  const reply = { status, type: 'application/json', body: JSON.stringify(value) }
  return headers === undefined ? reply : { ...reply, headers }
}

/**
 * @param {number} status
 * @param {string} body
 * @returns {Reply}
 */
function words(status, body) {
  return { status, type: 'text/plain', body }
}

/**
 * @param {ServerResponse} response
 * @param {Reply} reply
 */
function send(response, { status, type, body, headers }) {
  if (response.destroyed) return
  const all = { ...HEADERS, 'Content-Security-Policy': NOTHING_ALLOWED, ...headers }
  response.writeHead(status, {
    ...all,
    'Content-Type': `${type}; charset=utf-8`,
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}

module.exports = { startStudio }
