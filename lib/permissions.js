'use strict'

/** @import { Handle, Operation } from './handle.js' */

const path = require('node:path')

const { quote } = require('./errors.js')

/**
 * Returns what forbids an operation, as the rest of a sentence; `undefined` if it is allowed.
 *
 * @typedef {(operation: Operation) => string | undefined} WhyDenied
 */

/**
 * A permission model that is on. Asked anew each time: a process can give up what it was allowed.
 *
 * @typedef {object} Model
 * @property {string} runtime
 * @property {(right: Right, where: string) => boolean} allows
 * @property {{ [right in Right]: string }} flags
 *
 * @typedef {'read' | 'write' | 'net'} Right
 */

const SCOPES = /** @type {const} */ ({ read: 'fs.read', write: 'fs.write', net: 'net' })

/** Versions of Node.js whose model leaves the network alone say no to `has('net')`. */
const restrictsNetwork = () => process.allowedNodeEnvironmentFlags.has('--allow-net')

/** Returns the permission model of the runtime; `undefined` if it has none, or if it is off. @returns {Model | undefined} */
function findModel() {
  const { permission } = /** @type {{ permission?: { has(scope: string, where?: string): boolean } }} */ (process)
  if (permission !== undefined) {
    return {
      runtime: 'Node.js',
      allows: (right, where) =>
        right === 'net' ? !restrictsNetwork() || permission.has('net') : permission.has(SCOPES[right], where),
      flags: { read: '--allow-fs-read', write: '--allow-fs-write', net: '--allow-net' },
    }
  }
  const { permissions } = /** @type {any} */ (globalThis).Deno ?? {}
  if (process.versions.deno === undefined || permissions === undefined) return undefined
  return {
    runtime: 'Deno',
    allows: (right, where) =>
      permissions.querySync({ name: right, [right === 'net' ? 'host' : 'path']: where }).state === 'granted',
    flags: { read: '--allow-read', write: '--allow-write', net: '--allow-net' },
  }
}

/**
 * Has a handle refuse what the runtime's permission model forbids. No runtime watches native code, so it would be done.
 *
 * @template {Handle} H
 * @param {H} handle
 * @param {(model: Model) => WhyDenied} ask
 * @returns {H} the same handle
 */
function guard(handle, ask) {
  const model = findModel()
  if (model === undefined) return handle
  const whyDenied = ask(model)
  const run = handle.run.bind(handle)
  handle.run = (operation) => {
    const reason = whyDenied(operation)
    if (reason !== undefined) throw { code: 'ERR_STORAGE_DENIED', reason }
    return run(operation)
  }
  return handle
}

/**
 * @param {Model} model
 * @param {Right} right
 * @param {string} where
 * @param {string} [shown] what to allow
 */
function ask({ runtime, allows, flags }, right, where, shown = where) {
  if (allows(right, where)) return undefined
  // To Node.js, the network is one place.
  const place = runtime === 'Node.js' && right === 'net' ? '' : ` for ${quote(shown)}`
  return `the permission model of ${runtime} forbids it: this process needs ${flags[right]}${place}`
}

/** Only these change nothing. @param {Operation} operation */
const isRead = ({ kind, scan }) => kind === 'load' || kind === 'has' || (scan !== undefined && scan.action !== 'remove')

/**
 * Returns what asks for a directory of files. Node.js may allow a directory and nothing in it, so a name in it is asked for.
 *
 * @param {string} dir
 * @returns {(model: Model) => WhyDenied}
 */
const inDirectory = (dir) => (model) => {
  const [inside, shown] = [path.join(dir, 'conversation.json'), path.join(dir, path.sep)]
  return (operation) =>
    ask(model, 'read', inside, shown) ?? (isRead(operation) ? undefined : ask(model, 'write', inside, shown))
}

/**
 * Returns what asks for a database. Opening it may write, and makes files beside it.
 *
 * @param {string} file
 * @returns {(model: Model) => WhyDenied}
 */
const onDatabase = (file) => (model) => () => {
  for (const name of ['', '-wal', '-shm', '-journal'].map((end) => file + end)) {
    const reason = ask(model, 'read', name) ?? ask(model, 'write', name)
    if (reason !== undefined) return reason
  }
  return undefined
}

/**
 * Returns what asks for a server.
 *
 * @param {{ host: string, port: number, path?: string | undefined }} address
 * @returns {(model: Model) => WhyDenied}
 */
const toServer = (address) => (model) => {
  // To Deno, a socket is a file.
  if (address.path !== undefined && model.runtime === 'Deno') return () => ask(model, 'write', String(address.path))
  const where = address.path ?? `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
  return () => ask(model, 'net', where)
}

module.exports = { guard, inDirectory, onDatabase, toServer }
