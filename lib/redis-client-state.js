'use strict'

/** The most that a connection may owe a reply without a single byte coming, in ms. */
const LONGEST_SILENCE_MS = 5000

/** @type {(method: Function) => string} */
const textOfFunction = Function.prototype.call.bind(Function.prototype.toString)

/** Of each `sendCommand` seen, whether ioredis wrote it. @type {WeakMap<Function, boolean>} */
const originals = new WeakMap()

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
 * @param {any} Command the class of its commands
 */
function whyNever(client, Command) {
  const { options } = client
  if (options === null || typeof options !== 'object') return 'the client shows no options'
  if (options.Connector) return 'the client has a Connector of its own'
  const connector = client.connector?.constructor?.name
  if (connector !== 'StandaloneConnector' && connector !== 'SentinelConnector') {
    return 'the client connects in a way of its own'
  }
  if (options.monitor) return 'the client is a monitor'
  if (options.readOnly || options.role === 'slave') return 'the client reads from a replica'
  const { argument, reply } = Command?._transformer ?? {}
  if (!argument || !reply) return 'the client does not show its transformers of arguments and replies'
  return undefined
}

/**
 * Returns the class of the client's commands, which has the transformers of arguments and replies. It is a static member of
 * `Redis`, and no client leads there: its `constructor` is the one of EventEmitter. But a command leads to its class.
 *
 * @param {any} commands the prototype of the client that makes commands
 * @returns {any} `undefined` if there is no such class
 */
function commandClass(commands) {
  const nowhere = { options: {}, sendCommand: (/** @type {unknown} */ command) => command }
  try {
    // Of a name that has no transformer: those are the user's, and would be called.
    return commands.createBuiltinCommand('flowkit-storage').string.call(nowhere).constructor
  } catch {
    return undefined
  }
}

/**
 * Returns whether arguments or replies of a command of ours are transformed (sealed, compressed) by the client. May change
 * at any time, and goes for all clients of a copy of ioredis.
 *
 * @param {any} Command
 */
function isTransformed({ _transformer: { argument, reply } }) {
  return (
    (argument.set ?? argument.get ?? argument.del ?? argument.exists) !== undefined ||
    (reply.set ?? reply.get ?? reply.del ?? reply.exists) !== undefined
  )
}

/**
 * Returns whether this is the `sendCommand` that ioredis wrote, not what tracing or encryption put in its place on the
 * prototype. Of these, only the text of a method begins with its name.
 *
 * @param {Function} sendCommand
 */
function isOriginal(sendCommand) {
  let original = originals.get(sendCommand)
  if (original === undefined) {
    original = textOfFunction(sendCommand).startsWith('sendCommand(')
    originals.set(sendCommand, original)
  }
  return original
}

/**
 * Returns why the next operation has to go through the client; `undefined` if it has not.
 *
 * @param {any} client
 * @param {{ commands: any, connection: any, Command: any }} classes of the client
 */
function whyNotNow(client, { commands, connection, Command }) {
  if (isClosed(client)) return 'the client is closed'
  if (client.status !== 'ready') return `the client is not ready (${client.status})`
  // Spies, instrumentation, subclasses: whoever replaced a method wants to see the calls.
  if (
    client.get !== commands.get ||
    client.set !== commands.set ||
    client.del !== commands.del ||
    client.exists !== commands.exists ||
    client.expire !== commands.expire
  ) {
    return 'a method of the client was replaced'
  }
  if (client.sendCommand !== connection.sendCommand || !isOriginal(client.sendCommand)) {
    return 'sendCommand of the client was replaced'
  }
  if (isTransformed(Command)) return 'the client transforms arguments or replies (Redis.Command.set…Transformer)'
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

module.exports = { commandClass, hasAddress, isAt, isClosed, isTransformed, settingsOf, targetOf, whyNever, whyNotNow }
