'use strict'

const net = require('node:net')
const tls = require('node:tls')

const { readRedisOptions } = require('../../lib/redis-options.js')

/** Milliseconds without a reply. */
const PATIENCE = 10_000

/**
 * A connection that asks a server about itself. The storage's own connection has no such commands.
 *
 * Speaks RESP 2, which every server begins with. Replies with an error are returned as `Error`.
 */
class RedisServer {
  #socket
  #rest = Buffer.alloc(0)
  /** @type {{ resolve: (reply: any) => void, reject: (error: unknown) => void }[]} */
  #waiting = []

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.#socket = socket
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error(`no reply in ${PATIENCE / 1_000} s`)))
    socket.on('data', (bytes) => this.#read(bytes))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server has closed the connection')))
  }

  /**
   * Connects, and says who asks. The password goes nowhere else.
   *
   * @param {string} url
   */
  static async open(url) {
    const options = /** @type {any} */ (readRedisOptions({ url }))
    const { host, port, path, username, password, db } = options
    const place = path === undefined ? { host, port } : { path }
    const name = net.isIP(host) ? {} : { servername: host }
    const server = new RedisServer(options.tls === undefined ? net.connect(place) : tls.connect({ ...place, ...name }))
    const credentials = password === undefined ? [] : username === undefined ? [password] : [username, password]
    if (credentials.length > 0) await server.must('AUTH', ...credentials)
    if (db !== 0) await server.must('SELECT', String(db))
    return server
  }

  /**
   * @param {string[]} words
   * @returns {Promise<any>}
   */
  ask(...words) {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#socket.write(`*${words.length}\r\n${parts.join('')}`)
    })
  }

  /** @param {string[]} words */
  async must(...words) {
    const reply = await this.ask(...words)
    if (reply instanceof Error) throw reply
    return reply
  }

  close() {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  /** @param {Buffer} bytes */
  #read(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes])
    for (;;) {
      const found = parse(this.#rest, 0)
      if (found === undefined) return
      this.#rest = this.#rest.subarray(found.end)
      this.#waiting.shift()?.resolve(found.value)
    }
  }

  /** @param {Error} error */
  #fail(error) {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}

/**
 * Reads one reply; `undefined` if it is not whole.
 *
 * @param {Buffer} bytes
 * @param {number} at
 * @returns {{ value: any, end: number } | undefined}
 */
function parse(bytes, at) {
  const end = bytes.indexOf('\r\n', at)
  if (end < 0) return undefined
  const text = bytes.toString('utf8', at + 1, end)
  const next = end + 2
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case '+':
      return { value: text, end: next }
    case '-':
      return { value: new Error(text), end: next }
    case ':':
      return { value: Number(text), end: next }
    case '$': {
      const length = Number(text)
      if (length < 0) return { value: null, end: next }
      if (bytes.length < next + length + 2) return undefined
      return { value: bytes.toString('utf8', next, next + length), end: next + length + 2 }
    }
    default:
      return parseList(bytes, next, Number(text))
  }
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @param {number} length
 */
function parseList(bytes, at, length) {
  const value = []
  let end = at
  for (let index = 0; index < length; index++) {
    const item = parse(bytes, end)
    if (item === undefined) return undefined
    value.push(item.value)
    end = item.end
  }
  return { value, end }
}

module.exports = { RedisServer }
