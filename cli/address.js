'use strict'

const { statSync } = require('node:fs')
const { fileURLToPath } = require('node:url')

const { closest } = require('../lib/options.js')
const { usageError } = require('./failure.js')
const { printable } = require('./text.js')

/**
 * Where a store is. A password is only in `url`.
 *
 * @typedef {{ adapter: 'file', dir: string, extension?: string, pretty?: boolean }} FileAddress
 * @typedef {{ adapter: 'sqlite', path: string, table?: string }} SqliteAddress
 * @typedef {{ adapter: 'redis', url: string, prefix?: string, ttl: number }} RedisAddress `ttl` in seconds; 0 if not known
 * @typedef {(FileAddress | SqliteAddress | RedisAddress) & { text: string }} Address `text` is fit to be shown
 */

const DATABASE = /\.(db3?|sqlite3?)$/i

/**
 * Reads what stands for STORE on the command line. Looks at the place only to tell a directory `x.db` from a database.
 *
 * @param {string} text
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Address}
 */
function readAddress(text, env = process.env) {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase()
  if (text === '') throw usageError('STORE is empty. Write "." for the current directory.')
  if (text.includes('\0')) throw usageError('STORE holds a NUL character.')
  if (scheme === undefined || /^[a-z]:[\\/]/i.test(text)) return readPath(text)
  const rest = text.slice(scheme.length + 1)
  switch (scheme) {
    case 'env':
      return fromEnvironment(rest, env)
    case 'file': {
      const { place, parameters } = split(text, scheme, ['extension', 'pretty'])
      const pretty = parameters.pretty === undefined ? {} : { pretty: parameters.pretty === 'true' }
      const extension = parameters.extension === undefined ? {} : { extension: parameters.extension }
      return { adapter: 'file', dir: place, ...extension, ...pretty, text: show(text) }
    }
    case 'sqlite': {
      const { place, parameters } = split(text, scheme, ['table'])
      const table = parameters.table === undefined ? {} : { table: parameters.table }
      return { adapter: 'sqlite', path: place, ...table, text: show(text) }
    }
    case 'redis':
    case 'rediss':
    case 'unix':
      return fromUrl(text, scheme)
    default:
      throw usageError(
        `There is no kind of store "${printable(scheme.slice(0, 20))}:". There are file:, sqlite:, redis:, rediss:, unix: and env:. ` +
          'A path that holds a colon begins with "./".',
      )
  }
}

/**
 * @param {string} text
 * @returns {Address}
 */
function readPath(text) {
  if (DATABASE.test(text) && !isDirectory(text)) return { adapter: 'sqlite', path: text, text: show(text) }
  return { adapter: 'file', dir: text, text: show(text) }
}

/** @param {string} path */
function isDirectory(path) {
  try {
    return statSync(path).isDirectory()
  } catch {
    // Whatever it is, opening it tells.
    return false
  }
}

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 */
function fromEnvironment(name, env) {
  const text = env[name]
  if (name === '' || text === undefined || text === '') {
    throw usageError(`The environment variable "${printable(name.slice(0, 80))}" is not set.`)
  }
  if (/^env:/i.test(text)) throw usageError('An environment variable cannot name another one with env:.')
  const address = readAddress(text, env)
  // The variable may hold more than people should see on a screen that is shared.
  return { ...address, text: `env:${show(name)}` }
}

/**
 * Splits `file:./dir?extension=.json` into its place and its parameters. Only `file:///…` is decoded: the rest is a path as it is.
 *
 * @param {string} text
 * @param {string} scheme
 * @param {string[]} known
 */
function split(text, scheme, known) {
  const rest = text.slice(scheme.length + 1)
  const at = rest.indexOf('?')
  const place = at < 0 ? rest : rest.slice(0, at)
  if (place === '' || place === ':memory:') throw usageError(`${scheme}: needs a path, such as ${scheme}:./data.`)
  const parameters = readParameters(at < 0 ? '' : rest.slice(at + 1), scheme, known)
  return { place: place.startsWith('//') ? fromFileUrl(place) : place, parameters }
}

/** @param {string} place */
function fromFileUrl(place) {
  try {
    return fileURLToPath(`file:${place}`)
  } catch {
    throw usageError('The URL names no local path. Write three slashes for an absolute one, such as file:///var/data.')
  }
}

/**
 * @param {string} query
 * @param {string} scheme
 * @param {string[]} known
 * @returns {Record<string, string | undefined>}
 */
function readParameters(query, scheme, known) {
  /** @type {Record<string, string | undefined>} */
  const parameters = Object.create(null)
  for (const part of query.split('&').filter((each) => each !== '')) {
    const [name = '', ...value] = part.split('=')
    if (!known.includes(name)) {
      const meant = closest(name, known)
      // The name may be the rest of a password that holds a question mark.
      const shown = /^[\w-]{1,40}$/.test(name) ? ` "${name}"` : ''
      const hint = meant === undefined ? `It takes ${known.join(', ')}.` : `Did you mean "${meant}"?`
      throw usageError(`A store with ${scheme}: takes no parameter${shown}. ${hint}`)
    }
    // Not `URLSearchParams`, which takes a plus sign for a space.
    parameters[name] = decode(value.join('='), name)
  }
  return parameters
}

/**
 * @param {string} text
 * @param {string} name
 */
function decode(text, name) {
  try {
    return decodeURIComponent(text)
  } catch {
    throw usageError(`The parameter "${name}" of STORE holds a % that escapes nothing. Write %25 for a % itself.`)
  }
}

/**
 * @param {string} text
 * @param {string} scheme
 * @returns {Address}
 */
function fromUrl(text, scheme) {
  const at = text.indexOf('?')
  const bare = at < 0 ? text : text.slice(0, at)
  const known = ['prefix', 'ttl', 'db', 'family', 'protocol']
  const { prefix, ttl = '0', ...rest } = readParameters(at < 0 ? '' : text.slice(at + 1), scheme, known)
  if (!/^\d{1,10}$/.test(ttl)) throw usageError('The parameter "ttl" of STORE takes seconds, such as ttl=86400.')
  const query = Object.entries(rest).map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`)
  const url = query.length === 0 ? bare : `${bare}?${query.join('&')}`
  const withPrefix = prefix === undefined ? {} : { prefix }
  return { adapter: 'redis', url, ...withPrefix, ttl: Number(ttl), text: withoutPassword(bare, prefix) }
}

/**
 * @param {string} url
 * @param {string | undefined} prefix
 */
function withoutPassword(url, prefix) {
  let shown
  try {
    const parsed = new URL(url)
    parsed.password = ''
    shown = parsed.href
  } catch {
    shown = 'the Redis server'
  }
  return show(prefix === undefined ? shown : `${shown}?prefix=${encodeURIComponent(prefix)}`)
}

/** @param {string} text */
function show(text) {
  return printable(text)
}

module.exports = { readAddress }
