'use strict'

/** @import { Report } from './report.js' */

const { CliError } = require('../failure.js')
const { size } = require('../text.js')
const { RedisServer } = require('./redis-server.js')

/** How many keys a page of a look through the server has. */
const PAGE = 500

/** @typedef {InstanceType<typeof Report>} Findings */

/**
 * Asks the server about itself, and looks at the types of the keys that begin with the prefix.
 *
 * @param {{ url: string, prefix?: string, text: string }} address
 * @param {Findings} report
 * @param {AbortSignal} signal
 */
async function checkServer({ url, prefix = 'flowkit:', text }, report, signal) {
  let server
  try {
    server = await RedisServer.open(url)
    checkMemory(await facts(server, 'memory'), await setting(server, 'maxmemory-policy'), report)
    await checkPersistence(server, report)
    checkRole(await facts(server, 'replication'), report)
    await checkTypes(server, prefix, report, signal)
  } catch (/** @type {any} */ error) {
    if (signal.aborted) throw signal.reason
    throw new CliError(`Cannot ask ${text}: ${error.message}.`, undefined, error)
  } finally {
    server?.close()
  }
}

/**
 * Returns a section of `INFO`; without facts if that is not permitted.
 *
 * @param {InstanceType<typeof RedisServer>} server
 * @param {string} section
 * @returns {Promise<Record<string, string | undefined>>}
 */
async function facts(server, section) {
  const reply = await server.ask('INFO', section)
  if (typeof reply !== 'string') return {}
  return Object.fromEntries(reply.split('\r\n').map((line) => line.split(/:(.*)/s).slice(0, 2)))
}

/**
 * Returns a setting; `undefined` if it is not permitted to ask, as on most servers that others look after.
 *
 * @param {InstanceType<typeof RedisServer>} server
 * @param {string} name
 * @returns {Promise<string | undefined>}
 */
async function setting(server, name) {
  const reply = await server.ask('CONFIG', 'GET', name)
  return Array.isArray(reply) ? reply[1] : undefined
}

/**
 * @param {Record<string, string | undefined>} memory
 * @param {string | undefined} configured
 * @param {Findings} report
 */
function checkMemory({ maxmemory, maxmemory_policy: known, used_memory: used }, configured, report) {
  const policy = known ?? configured
  if (policy === undefined) return report.note('policy', 'The server does not tell its maxmemory-policy.')
  const limit = Number(maxmemory ?? 0)
  const shown = `maxmemory-policy ${policy}, ${size(Number(used ?? 0))} of ${limit > 0 ? size(limit) : 'any size'} used.`
  if (policy === 'noeviction') return report.note('policy', shown)
  const when = limit > 0 ? 'When its memory is full' : 'Once it gets a maxmemory'
  const why = `${when}, the server deletes conversations that have not expired: use noeviction. `
  if (limit > 0) report.problem('policy', why + shown)
  else report.note('policy', why + shown)
}

/**
 * @param {InstanceType<typeof RedisServer>} server
 * @param {Findings} report
 */
async function checkPersistence(server, report) {
  const found = await facts(server, 'persistence')
  const save = await setting(server, 'save')
  if (found.rdb_last_bgsave_status === 'err')
    report.problem('rdb', 'The last snapshot (RDB) failed: see the log of the server.')
  if (found.aof_last_write_status === 'err')
    report.problem('aof', 'The last write to the AOF failed: its disk may be full.')
  if (found.aof_enabled === '1') return report.note('persistence', 'The server keeps an append-only file (AOF).')
  if (save === undefined)
    return report.note('persistence', 'The server keeps no AOF, and does not tell if it takes snapshots.')
  if (save !== '') {
    return report.note(
      'persistence',
      `The server takes snapshots (${save}). What was saved since the last one goes with a crash.`,
    )
  }
  report.problem(
    'persistence',
    'The server keeps nothing on a disk: a restart loses all conversations. Set appendonly yes.',
  )
}

/**
 * @param {Record<string, string | undefined>} replication
 * @param {Findings} report
 */
function checkRole({ role, master_link_status: link }, report) {
  if (role === 'slave')
    report.note('replica', `This server is a replica, which refuses to save. Its link is ${link ?? 'not known'}.`)
}

/**
 * @param {InstanceType<typeof RedisServer>} server
 * @param {string} prefix
 * @param {Findings} report
 * @param {AbortSignal} signal
 */
async function checkTypes(server, prefix, report, signal) {
  const pattern = `${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`
  let cursor = '0'
  do {
    if (signal.aborted) throw signal.reason
    const [next, keys] = await server.must('SCAN', cursor, 'MATCH', pattern, 'COUNT', String(PAGE))
    cursor = next
    const types = await Promise.all(keys.map((/** @type {string} */ key) => server.ask('TYPE', key)))
    for (const [at, type] of types.entries()) {
      if (type === 'string' || type === 'none' || isLock(keys[at])) continue
      report.problem(
        'type',
        "This key begins with the prefix and is another program's. Choose another prefix.",
        `${keys[at]} (${type})`,
      )
    }
  } while (cursor !== '0')
}

/**
 * The byte in front of `lock:` is no UTF-8.
 *
 * @param {string} key
 */
function isLock(key) {
  return key.includes('\ufffdlock:')
}

module.exports = { checkServer }
