'use strict'

const { optionsError } = require('./errors.js')
const { aMode, aPath, aString, aWholeNumber, readOptions } = require('./options.js')
const { readTls } = require('./redis-tls.js')

const DEFAULT_PREFIX = 'flowkit:'
const DEFAULT_TTL_SECONDS = 86_400
/** Longer than ioredis itself tries: with all its defaults ioredis 5 gives up after 10.5 s, ioredis 6 after 73 s. */
const DEFAULT_TIMEOUT_MS = 90_000

const CHECKS = {
  client: () => undefined,
  tls: (value) => (typeof value === 'boolean' || isPlainObject(value) ? undefined : 'true, false or an object'),
  url: aString,
  // A URL in its place would end up in error messages, with its password.
  host: (value) =>
    typeof value === 'string' && /^[^\s/@?#]+$/.test(value) ? undefined : 'a host name (an address goes into "url")',
  port: aWholeNumber(1, 65_535, { orText: true }),
  path: aPath,
  username: aString,
  password: aString,
  db: aWholeNumber(0, 2 ** 31 - 1, { orText: true }),
  prefix: aString,
  ttl: aWholeNumber(0, 2 ** 31 - 1),
  timeout: aWholeNumber(1, 2 ** 31 - 1),
  mode: aMode,
}

const CONNECTION = ['url', 'host', 'port', 'path', 'username', 'password', 'db', 'tls']

/** Options that only make sense once for a connection, and which exclude each other. */
const ADDRESSES = [['url'], ['path'], ['host', 'port']]

/**
 * Checks the options and returns them with their defaults: either the `client` with what its handle needs, or what the
 * native side opens: `{ host, port }` or `{ path }`, `tls`, and the rest. No message holds a password or a URL, which may hold one.
 */
function readRedisOptions(given) {
  const options = readOptions('redis', given, CHECKS)
  const used = ADDRESSES.filter((names) => names.some((name) => options[name] !== undefined))
  if (used.length > 1) {
    const names = used.map((group) => `"${group.find((name) => options[name] !== undefined)}"`)
    throw optionsError('redis', `The redis storage takes only one of the options ${names.join(' and ')}.`)
  }
  const { client, url, host, port, path, tls, username, password, db, prefix, ttl, timeout, mode } = options
  const common = { prefix: prefix ?? DEFAULT_PREFIX, ttl: ttl ?? DEFAULT_TTL_SECONDS }
  if (client !== undefined) {
    const settings = { timeout: timeout ?? DEFAULT_TIMEOUT_MS, mode: mode ?? 'auto' }
    return { client, ...settings, ...readAlone(options, common) }
  }
  const alone = ['timeout', 'mode'].find((name) => options[name] !== undefined)
  if (alone !== undefined) {
    throw optionsError('redis', `The option "${alone}" of the redis storage goes with "client".`)
  }
  const fromUrl = url === undefined ? {} : parseUrl(url)
  const address = {
    host: host ?? fromUrl.host ?? '127.0.0.1',
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
    ...common,
  }
}

/** What the native side takes for an encrypted connection; `undefined` for a plain one. */
function openTls(given, inUrl, { host, path }) {
  if (given === false && inUrl) throw badUrl('it asks for TLS (rediss:), which the option "tls" forbids')
  if (!given && !inUrl) return undefined
  // Node's `tls.connect` takes a Unix socket, too, and then verifies this name.
  const { settings, reason } = readTls(given ?? true, { host: path === undefined ? host : 'localhost' })
  if (reason === undefined) return settings
  throw optionsError('redis', `The option "tls" of the redis storage cannot be used: ${reason}.`)
}

function isPlainObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** A client has its own address and credentials. */
function readAlone(options, common) {
  const extra = CONNECTION.find((name) => options[name] !== undefined)
  if (extra === undefined) return common
  throw optionsError('redis', `The redis storage takes either the option "client" or "${extra}", not both.`)
}

/** `redis://user:password@host:port/db`, the same with `rediss:` for TLS, `unix:/path/to/socket?db=1`, or an absolute path. */
function parseUrl(url) {
  if (url.startsWith('/')) return { path: url }
  let parsed
  try {
    parsed = new URL(url)
  } catch {
    throw badUrl('it cannot be read')
  }
  const decode = (text) => {
    try {
      return decodeURIComponent(text)
    } catch {
      throw badUrl('it holds a % that escapes nothing')
    }
  }
  const credentials = { username: decode(parsed.username), password: decode(parsed.password) }
  for (const name of parsed.searchParams.keys()) {
    // What stands there may be the rest of a password that holds a question mark.
    if (name === 'db') continue
    const shown = /^[\w-]{1,40}$/.test(name) ? `parameter "${name}"` : 'parameter'
    throw badUrl(`its ${shown} is not supported`)
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
    // An IPv6 address stands in brackets.
    host: decode(parsed.hostname).replace(/^\[(.*)\]$/, '$1') || undefined,
    port: parsed.port === '' ? undefined : parsed.port,
    db: readDatabase(inPath === '' ? query : inPath),
    tls: parsed.protocol === 'rediss:',
    ...credentials,
  }
}

function readDatabase(text) {
  if (text === null) return undefined
  if (CHECKS.db(text) !== undefined) throw badUrl('its database is not a whole number')
  return text
}

function badUrl(why) {
  return optionsError('redis', `The option "url" of the redis storage cannot be used: ${why}.`)
}

module.exports = { readRedisOptions }
