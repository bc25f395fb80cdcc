'use strict'

/** The most that a connection may owe a reply without a single byte coming, in ms. */
const LONGEST_SILENCE_MS = 5000

/** What a connection was made for. @typedef {{ stream: unknown, db: unknown, username: unknown, password: unknown }} Target */

/**
 * Returns whether the client is closed or closing: after `quit()` its status is "ready" for a while.
 *
 * @param {any} client
 */
function isClosed(client) {
  return client.manuallyClosing === true || client.status === 'end'
}

/**
 * Returns why a plain connection can never be the same as this client's; `undefined` if it can.
 *
 * @param {any} client
 */
function whyNever(client) {
  const { options } = client
  if (options === null || typeof options !== 'object') return 'the client shows no options'
  if (options.Connector) return 'the client has a Connector of its own'
  const connector = client.connector?.constructor?.name
  if (connector !== 'StandaloneConnector' && connector !== 'SentinelConnector') {
    return 'the client connects in a way of its own'
  }
  if (options.monitor) return 'the client is a monitor'
  if (options.readOnly || options.role === 'slave') return 'the client reads from a replica'
  return undefined
}

/**
 * Returns why the next operation has to go through the client; `undefined` if it has not.
 *
 * @param {any} client
 * @param {{ commands: any, connection: any }} prototypes of the client
 */
function whyNotNow(client, { commands, connection }) {
  if (isClosed(client)) return 'the client is closed'
  if (client.status !== 'ready') return `the client is not ready (${client.status})`
  // Spies, instrumentation, subclasses: whoever replaced a method wants to see the calls.
  if (client.get !== commands.get || client.set !== commands.set || client.del !== commands.del) {
    return 'a method of the client was replaced'
  }
  if (client.sendCommand !== connection.sendCommand) return 'sendCommand of the client was replaced'
  const { keyPrefix } = client.options
  if (keyPrefix && typeof keyPrefix !== 'string') return 'the keyPrefix of the client is not text'
  return undefined
}

/**
 * Returns where the client is connected right now, and as whom.
 *
 * @param {any} client
 * @returns {Target}
 */
function targetOf(client) {
  const { condition, options, stream } = client
  // `select()` shows in `condition` only.
  return { stream, db: condition?.select ?? options.db ?? 0, username: options.username, password: options.password }
}

/**
 * Returns whether the client is still there, as the same user. Called at each operation, so it makes no object.
 *
 * @param {any} client
 * @param {Target} target
 */
function isAt({ condition, options, stream }, target) {
  return (
    stream === target.stream &&
    (condition?.select ?? options.db ?? 0) === target.db &&
    options.username === target.username &&
    options.password === target.password
  )
}

/** @param {any} client */
function socketPath({ options }) {
  return typeof options.path === 'string' && !options.sentinels ? options.path : undefined
}

/**
 * Returns whether the client's connection shows where it leads.
 *
 * @param {any} client
 */
function hasAddress(client) {
  return socketPath(client) !== undefined || typeof client.stream.remoteAddress === 'string'
}

/**
 * Returns the settings of a connection to where the client is connected.
 *
 * @param {any} client
 * @param {number} timeout the storage's, in ms
 */
function settingsOf(client, timeout) {
  const { options, stream } = client
  const { db, username, password } = targetOf(client)
  const silence = Math.min(wholeMilliseconds(options.commandTimeout, LONGEST_SILENCE_MS), LONGEST_SILENCE_MS, timeout)
  return {
    host: stream.remoteAddress ?? '',
    port: stream.remotePort ?? 0,
    path: socketPath(client),
    // An empty one, as in `redis://:secret@host`, means none.
    username: username ? String(username) : undefined,
    password: password ? String(password) : undefined,
    db: Number(db),
    name: options.connectionName ? `${options.connectionName}:flowkit` : undefined,
    connectTimeout: wholeMilliseconds(options.connectTimeout, 10_000),
    replyTimeout: silence,
  }
}

/**
 * @param {unknown} value
 * @param {number} otherwise
 */
function wholeMilliseconds(value, otherwise) {
  return typeof value === 'number' && Number.isFinite(value) && value >= 1
    ? Math.min(Math.ceil(value), 2 ** 31 - 1)
    : otherwise
}

module.exports = { hasAddress, isAt, isClosed, settingsOf, targetOf, whyNever, whyNotNow }
