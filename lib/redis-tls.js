'use strict'

const { readFileSync } = require('node:fs')

/**
 * Newer versions of Node have `getCACertificates`.
 *
 * @type {typeof import('node:tls') & { getCACertificates?(type: 'default'): readonly string[] }}
 */
const tls = require('node:tls')

const { TlsContext, TlsRoots } = require('./binding.js')

/**
 * The option `tls` as the user gave it. It is checked member by member.
 *
 * @typedef {Record<string, any>} Given
 */

/**
 * `settings` for the native side, which serve any number of connections; or a `reason`, the rest of a sentence: why they would
 * not be the same as with Node. It holds nothing of a value.
 *
 * @typedef {{ settings: TlsContext, reason?: undefined } | { settings?: undefined, reason: string }} ReadTls
 */

/** Every option of `tls` that the native side does as Node does it. */
const UNDERSTOOD = ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized', 'minVersion', 'maxVersion']

/** Options that change nothing for the client's end of a connection. Providers' pages show them nevertheless. */
const WITHOUT_EFFECT = ['agent', 'requestCert']

/** Options that say where to connect. They belong beside `tls`, not into it. */
const ADDRESS = ['host', 'port', 'family']

/** Advice for options that are not supported. @type {{ [name: string]: string }} */
const INSTEAD = {
  pfx: 'give "cert" and "key" in PEM form',
  passphrase: 'give "key" unencrypted',
}

/**
 * Reads what `tls.connect` and ioredis take as `tls`, for a connection to `host`.
 *
 * @param {unknown} given `true`, or options. What Node ignores (`undefined`, `null`, an empty text) is ignored.
 * @param {object} about
 * @param {string} about.host the name that is verified if there is no `servername`
 * @param {boolean} [about.ofClient] true for a client's connection: its address is known, so one in `tls` does not matter
 * @returns {ReadTls}
 */
function readTls(given, { host, ofClient = false }) {
  /** @type {Given} */
  let options
  try {
    // Reads each value once, so that the checked value is the one used. Reading may throw.
    options = given !== null && typeof given === 'object' ? { ...given } : {}
    const reason = whyNot(options, host, ofClient)
    if (reason !== undefined) return { reason }
  } catch {
    return { reason: 'it holds something that cannot be read' }
  }
  const { ca, cert, key, servername } = options
  try {
    const settings = {
      servername: servername || host,
      // Node tells the server a name only if it was given as `servername`.
      sni: Boolean(servername) || !ofClient,
      ca: ca ? toList(ca).map(toBytes) : undefined,
      cert: cert ? toBytes(toList(cert)[0]) : undefined,
      key: key ? toBytes(toList(key)[0]) : undefined,
      rejectUnauthorized: isStrict(options),
    }
    return { settings: new TlsContext(settings, needsRoots(options) ? defaultRoots() : NO_ROOTS) }
  } catch (error) {
    return { reason: /** @type {Error} */ (error).message }
  }
}

/**
 * Reads the same for the connection that an ioredis client (5 or 6) has at this moment.
 *
 * @param {any} client
 * @returns {ReadTls | undefined} `undefined` if the connection is not encrypted
 */
function tlsOfClient({ options, stream }) {
  const { sentinels, enableTLSForSentinelMode, path } = options
  if (!options.tls || (sentinels && !enableTLSForSentinelMode)) return undefined
  // As `tls.connect` decides; behind Sentinel only the connection itself knows the name that was found.
  const found = sentinels ? (stream?._host ?? stream?.remoteAddress) : path ? undefined : options.host
  return readTls(options.tls, { host: options.tls.host || found || 'localhost', ofClient: true })
}

/**
 * @param {Given} options
 * @param {string} host
 * @param {boolean} ofClient
 * @returns {string | undefined}
 */
function whyNot(options, host, ofClient) {
  for (const [name, value] of Object.entries(options)) {
    if (UNDERSTOOD.includes(name) || WITHOUT_EFFECT.includes(name)) continue
    if (value === undefined || value === null || value === '') continue
    if (ADDRESS.includes(name)) {
      if (ofClient || (name === 'host' && value === host)) continue
      return `${quote(name)} belongs beside "tls", not into it`
    }
    return `${quote(name)} is not supported${Object.hasOwn(INSTEAD, name) ? `; ${INSTEAD[name]}` : ''}`
  }
  return whyNotIdentity(options) ?? whyNotVersions(options) ?? whyNotStore(options)
}

/** @param {Given} options */
function whyNotIdentity({ ca, cert, key, servername }) {
  if (ca && !toList(ca).every(isText)) return '"ca" must be a string, bytes, or a list of these'
  for (const [name, value] of Object.entries({ cert, key })) {
    if (!value) continue
    const list = toList(value)
    if (list.length !== 1 || !isText(list[0])) return `"${name}" must be one string, or bytes`
  }
  if (Boolean(cert) !== Boolean(key)) return '"cert" and "key" go together'
  if (key && isEncrypted(key)) return `"key" is encrypted, which is not supported; ${INSTEAD.passphrase}`
  if (servername && typeof servername !== 'string') return '"servername" must be a string'
  return undefined
}

/**
 * Returns why the versions cannot be the same. TLS 1.2 and 1.3 are spoken, Node's own default; options that ask for anything
 * else are refused.
 *
 * @param {Given} options
 */
function whyNotVersions({ minVersion, maxVersion }) {
  if ((minVersion || tls.DEFAULT_MIN_VERSION) === 'TLSv1.3') return '"minVersion" of TLSv1.3 is not supported'
  if (minVersion && minVersion !== 'TLSv1.2') return '"minVersion" is not supported, except TLSv1.2'
  if ((maxVersion || tls.DEFAULT_MAX_VERSION) !== 'TLSv1.3') return '"maxVersion" is not supported, except TLSv1.3'
  return undefined
}

/**
 * Returns why the trusted certificates cannot be the same: Node can be told to trust those of OpenSSL, and does not say which
 * they are.
 *
 * @param {Given} options
 */
function whyNotStore(options) {
  const flags = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)]
  if (!needsRoots(options) || !flags.includes('--use-openssl-ca')) return undefined
  return 'Node.js runs with --use-openssl-ca, which is not supported; give "ca"'
}

/** @param {Given} options */
function needsRoots(options) {
  return !options.ca && isStrict(options)
}

/** @param {Given} options */
function isStrict(options) {
  // Node looks at the environment only if the option is absent.
  if (Object.hasOwn(options, 'rejectUnauthorized')) return options.rejectUnauthorized !== false
  return process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0'
}

const NO_ROOTS = new TlsRoots([])
let roots = NO_ROOTS
/** The certificates that `roots` was made of. @type {readonly string[] | undefined} */
let rootsOf

/** Returns the certificates that Node trusts by default. Hands them over once, and again if the process has changed them. */
function defaultRoots() {
  // Newer versions of Node know `--use-system-ca` and `tls.setDefaultCACertificates` besides.
  const certificates = tls.getCACertificates?.('default') ?? tls.rootCertificates
  if (certificates !== rootsOf) {
    rootsOf = certificates
    roots = new TlsRoots(tls.getCACertificates === undefined ? [...certificates, ...extraRoots()] : [...certificates])
  }
  return roots
}

function extraRoots() {
  const file = process.env.NODE_EXTRA_CA_CERTS
  if (!file) return []
  try {
    return [readFileSync(file, 'latin1')]
  } catch {
    // Node has warned about it and continues without.
    return []
  }
}

/** @param {unknown} key */
function isEncrypted(key) {
  return toBytes(toList(key)[0]).includes('ENCRYPTED')
}

/**
 * @param {unknown} value
 * @returns {value is string | ArrayBufferView}
 */
function isText(value) {
  return typeof value === 'string' || ArrayBuffer.isView(value)
}

/** @param {unknown} value */
function toList(value) {
  return Array.isArray(value) ? value : [value]
}

/** @param {string | ArrayBufferView} value */
function toBytes(value) {
  if (typeof value === 'string') return Buffer.from(value)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

/**
 * Returns an option's name as a message may show it.
 *
 * @param {string} name
 */
function quote(name) {
  return JSON.stringify(name.slice(0, 40))
}

module.exports = { readTls, tlsOfClient }
