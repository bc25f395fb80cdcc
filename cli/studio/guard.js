'use strict'

/** @import { IncomingMessage } from 'node:http' */

const { createHash, randomBytes, timingSafeEqual } = require('node:crypto')

/** @typedef {{ status: number, reason: string }} Refusal */

/** The cookie that a browser gets for the key. */
const COOKIE = 'flowkit-studio'
/** The bytes of the key, of the cookie and of the base path: 128 bits cannot be guessed. */
const SECRET_BYTES = 16

/**
 * Decides who may read. Other programs of this machine can connect, and so can each page that is open in a browser of it.
 */
class Guard {
  /** In the address that is printed, behind the `#`: a browser sends that part to nobody. */
  key = secret()
  /**
   * Where the conversations are. A browser sends a cookie to all ports of a host. It does so below the cookie's path only, which
   * no other server of this machine knows. So two viewers do not overwrite each other's cookie either (jupyterhub/binderhub#211).
   */
  base = `/${secret()}/`
  /** New in each process, so that a cookie ends with it (jupyter-server/jupyter_server#1566). */
  #session = secret()
  #port = 0

  /** @param {number} port that the server listens on */
  listensOn(port) {
    this.#port = port
  }

  /** The header that gives a browser its cookie. No script can read it, and no other site can have it sent. */
  get setCookie() {
    return `${COOKIE}=${this.#session}; Path=${this.base}; HttpOnly; SameSite=Strict`
  }

  /**
   * Returns why a request is refused whatever it asks for; `undefined` if it is not.
   *
   * @param {IncomingMessage} request
   * @returns {Refusal | undefined}
   */
  refuse({ method, headers, rawHeaders }) {
    if (!this.#isOurs(headers.host) || count(rawHeaders, 'host') !== 1) {
      // A name that leads to this machine today was that of another site a moment ago (jupyter/notebook#1830).
      return { status: 403, reason: 'The viewer is at 127.0.0.1 only.' }
    }
    if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) {
      return { status: 403, reason: 'Other sites have no access.' }
    }
    if (method !== 'GET') return { status: 405, reason: 'The viewer only reads: GET.' }
    const site = headers['sec-fetch-site']
    const isOpened = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
    // Another port of this machine is "same-site". Whoever follows a link to the viewer has not read anything by that.
    if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isOpened) {
      return { status: 403, reason: 'Other sites have no access.' }
    }
  }

  /**
   * Returns whether the request has the key.
   *
   * @param {IncomingMessage} request
   */
  hasKey({ headers }) {
    return isSame(/^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1], this.key)
  }

  /**
   * Returns whether the request has the cookie.
   *
   * @param {IncomingMessage} request
   */
  hasCookie({ headers }) {
    const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='))
    return pairs.some(([name, value]) => name === COOKIE && isSame(value, this.#session))
  }

  /** @param {string | undefined} host */
  #isOurs(host) {
    return host === `127.0.0.1:${this.#port}` || host === `localhost:${this.#port}`
  }
}

/**
 * Compares in a time that does not tell how much is equal: digests have one length and no prefix that an attacker can choose.
 *
 * @param {string | undefined} given
 * @param {string} expected
 */
function isSame(given, expected) {
  return timingSafeEqual(digest(given ?? ''), digest(expected))
}

/** @param {string} text */
function digest(text) {
  return createHash('sha256').update(text).digest()
}

/**
 * @param {string[]} rawHeaders names and values in turns
 * @param {string} name
 */
function count(rawHeaders, name) {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length
}

function secret() {
  return randomBytes(SECRET_BYTES).toString('hex')
}

module.exports = { Guard }
