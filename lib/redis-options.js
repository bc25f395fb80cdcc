'use strict'

/** @import { TlsContext } from '../binding.js' */
/** @import { Logger } from './logger-types.js' */
/** @import { Check, Checked } from './options.js' */

const { isIPv6 } = require('node:net')

const { optionsError } = require('./errors.js')
const { aLogger } = require('./logger.js')
const { aMode, aPath, aRoom, aString, aWholeNumber, orItsDigits, readOptions } = require('./options.js')
const { readTls } = require('./redis-tls.js')
const { RETENTION_CHECKS } = require('./retention-options.js')

const DEFAULT_PREFIX = 'flowkit:'
const DEFAULT_TTL_SECONDS = 86_400
/** Longer than ioredis itself tries: with all its defaults ioredis 5 gives up after 10.5 s, ioredis 6 after 73 s. */
const DEFAULT_TIMEOUT_MS = 90_000

/** A URL in its place would end up in error messages, with its password. @type {Check<string>} */
const aHost = (value) =>
  typeof value === 'string' && (/^[^\s/@?#:[\]]+$/.test(value) || isIPv6(withoutBrackets(value)))
    ? undefined
    : 'a host name or an IP address (a port goes into "port", a URL into "url")'

/** Its members are checked where they are read. @type {Check<boolean | object>} */
const aBooleanOrObject = (value) =>
  typeof value === 'boolean' || (value !== null && typeof value === 'object' && !Array.isArray(value))
    ? undefined
    : 'true, false or an object'

/**
 * Parameters of URLs that other clients need, and what is accepted of them. They change nothing here: each address of the
 * host is tried, and the protocol is the storage's own choice. All others would promise what does not happen.
 */
const IGNORED = new Map([
  ['family', /^[046]$/],
  ['protocol', /^[23]$/],
])

const CHECKS = {
  /** Its shape is checked where it is read. */
  client: () => undefined,
  tls: aBooleanOrObject,
  url: aString,
  host: aHost,
  port: orItsDigits(aWholeNumber(1, 65_535)),
  path: aPath,
  username: aString,
  password: aString,
  db: orItsDigits(aWholeNumber(0, 2 ** 31 - 1)),
  prefix: aString,
  ...RETENTION_CHECKS,
  timeout: aWholeNumber(1, 2 ** 31 - 1),
  mode: aMode,
  snapshots: aRoom,
  logger: aLogger,
}

/** @typedef {Checked<typeof CHECKS>} Options */

/** @type {(keyof Options)[]} */
const CONNECTION = ['url', 'host', 'port', 'path', 'username', 'password', 'db', 'tls']

/** @type {(keyof Options)[]} */
const OF_A_CLIENT = ['timeout', 'mode']

/** Options that make sense only once for a connection, and exclude each other. @type {(keyof Options)[][]} */
const ADDRESSES = [['url'], ['path'], ['host', 'port']]

/**
 * @typedef {{ prefix: string, ttl: number, refreshOnLoad: boolean, snapshots: number | undefined, logger: Logger | undefined }}
 *   CommonSettings `ttl` in seconds, 0 for never
 */

/**
 * The settings of a handle on the user's client.
 *
 * @typedef {CommonSettings & { client: {} | null, timeout: number, mode: 'auto' | 'inline' }} ClientSettings `timeout` in ms
 */

/**
 * A connection that the native side opens. A `path` wins over `host` and `port`.
 *
 * @typedef {object} Connection
 * @property {undefined} [client]
 * @property {string} host
 * @property {number} port
 * @property {string | undefined} path
 * @property {TlsContext | undefined} tls `undefined` if the connection is not encrypted
 * @property {string | undefined} username
 * @property {string | undefined} password
 * @property {number} db
 */

/**
 * Checks the options and returns them with their defaults: either the `client` and what its handle needs, or what the native
 * side opens. No message holds a password, or a URL, which may hold one.
 *
 * @param {unknown} given
 * @returns {ClientSettings | (Connection & CommonSettings)}
 */
function readRedisOptions(given) {
  const options = readOptions('redis', given, CHECKS)
  const isGiven = (/** @type {keyof Options} */ name) => options[name] !== undefined
  const used = ADDRESSES.filter((names) => names.some(isGiven))
  if (used.length > 1) {
    const names = used.map((group) => `"${group.find(isGiven)}"`)
    throw optionsError('redis', `The redis storage takes only one of the options ${names.join(' and ')}.`)
  }
  const {
    client,
    prefix = DEFAULT_PREFIX,
    ttl = DEFAULT_TTL_SECONDS,
    refreshOnLoad = false,
    snapshots,
    logger,
  } = options
  const common = { prefix, ttl, refreshOnLoad, snapshots, logger }
  if (client === undefined) {
    const alone = OF_A_CLIENT.find(isGiven)
    if (alone === undefined) return { ...readConnection(options), ...common }
    throw optionsError('redis', `The option "${alone}" of the redis storage goes with "client".`)
  }
  // A client has its own address and credentials.
  const extra = CONNECTION.find(isGiven)
  if (extra !== undefined) {
    throw optionsError('redis', `The redis storage takes either the option "client" or "${extra}", not both.`)
  }
  const { timeout = DEFAULT_TIMEOUT_MS, mode = 'auto' } = options
  return { client, timeout, mode, ...common }
}

/**
 * @param {Options} options
 * @returns {Connection}
 */
function readConnection({ url, host, port, path, tls, username, password, db }) {
  // Without a prototype: what the URL leaves out must not come from a polluted `Object.prototype`.
  const fromUrl = { __proto__: null, ...(url === undefined ? undefined : parseUrl(url)) }
  const address = {
    host: withoutBrackets(host ?? fromUrl.host ?? '127.0.0.1'),
    port: Number(port ?? fromUrl.port ?? 6379),
    path: path ?? fromUrl.path,
  }
  return {
    ...address,
    tls: openTls(tls, fromUrl.tls, address),
    // An empty user name or password, as in `redis://:secret@host`, means none.
    username: (username ?? fromUrl.username) || undefined,
    password: (password ?? fromUrl.password) || undefined,
    db: Number(db ?? fromUrl.db ?? 0),
  }
}

/**
 * Returns what the native side takes for an encrypted connection; `undefined` for a plain one.
 *
 * @param {boolean | object | undefined} given
 * @param {boolean | undefined} inUrl whether the URL asks for TLS
 * @param {{ host: string, path: string | undefined }} address
 */
function openTls(given, inUrl, { host, path }) {
  if (given === false && inUrl) throw badUrl('it asks for TLS (rediss:), which the option "tls" forbids')
  if (!given && !inUrl) return undefined
  // Node's `tls.connect` takes a Unix socket, too, and then verifies this name.
  const { settings, reason } = readTls(given ?? true, { host: path === undefined ? host : 'localhost' })
  if (reason === undefined) return settings
  throw optionsError('redis', `The option "tls" of the redis storage cannot be used: ${reason}.`)
}

/**
 * @typedef {object} FromUrl
 * @property {string | undefined} [host]
 * @property {string | undefined} [port]
 * @property {string | undefined} [path]
 * @property {string | undefined} [db]
 * @property {boolean} [tls]
 * @property {string} [username]
 * @property {string} [password]
 */

/**
 * Reads `redis://user:password@host:port/db`, the same with `rediss:` for TLS, `unix:/path/to/socket?db=1`, or an absolute
 * path.
 *
 * @param {string} url
 * @returns {FromUrl}
 */
function parseUrl(url) {
  if (url.startsWith('/')) return { path: url }
  let parsed
  try {
    parsed = new URL(url)
  } catch {
    throw badUrl('it cannot be read')
  }
  const credentials = { username: decode(parsed.username), password: decode(parsed.password) }
  for (const [name, value] of parsed.searchParams) {
    if (name === 'db' || IGNORED.get(name)?.test(value)) continue
    // The name may be the rest of a password that holds a question mark.
    const shown = /^[\w-]{1,40}$/.test(name) ? `parameter "${name}"` : 'parameter'
    throw badUrl(`its ${shown} is not supported; leave it out`)
  }
  if (url.includes('#')) throw badUrl('it holds a "#", which stands for itself only as %23')
  const query = parsed.searchParams.get('db')
  if (parsed.protocol === 'unix:') {
    if (parsed.pathname === '' || parsed.pathname === '/') throw badUrl('it names no socket')
    return { path: decode(parsed.pathname), db: readDatabase(query), ...credentials }
  }
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') {
    throw badUrl('it must begin with redis:, rediss: or unix:')
  }
  const inPath = parsed.pathname.replace(/^\//, '')
  if (inPath !== '' && query !== null) throw badUrl('it names the database twice')
  return {
    host: decode(parsed.hostname) || undefined,
    port: parsed.port === '' ? undefined : parsed.port,
    db: readDatabase(inPath === '' ? query : inPath),
    tls: parsed.protocol === 'rediss:',
    ...credentials,
  }
}

/** @param {string} host perhaps an IPv6 address in brackets */
function withoutBrackets(host) {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** @param {string} text of a URL */
function decode(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    throw badUrl('it holds a % that escapes nothing')
  }
}

/** @param {string | null} text */
function readDatabase(text) {
  if (text === null) return undefined
  if (CHECKS.db(text) !== undefined) throw badUrl('its database is not a whole number')
  return text
}

/** @param {string} why */
function badUrl(why) {
  return optionsError('redis', `The option "url" of the redis storage cannot be used: ${why}.`)
}

module.exports = { readRedisOptions }
