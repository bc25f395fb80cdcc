'use strict'

const path = require('node:path')

const { openFile, openRedis, openSqlite } = require('./lib/binding.js')
const { Adapter } = require('./lib/adapter.js')
const { CustomHandle } = require('./lib/custom-handle.js')
const { getDispatcher, scheduleHandOver, scheduleHandOverSoon } = require('./lib/dispatcher.js')
const { optionsError, StorageError } = require('./lib/errors.js')
const { sequentialize } = require('./lib/locks/sequentialize.js')
const { aLogger } = require('./lib/logger.js')
const { measured } = require('./lib/measured.js')
const { Memory } = require('./lib/memory-handle.js')
const { Monitor } = require('./lib/monitor.js')
const { NativeHandle } = require('./lib/native-handle.js')
const { aBoolean, aPathOrUrl, aRoom, aWholeNumber, readOptions } = require('./lib/options.js')
const { guard, inDirectory, onDatabase, toServer } = require('./lib/permissions.js')
const { RETENTION_CHECKS, readRetention } = require('./lib/retention-options.js')
const { openClient } = require('./lib/redis-open.js')
const { readRedisOptions } = require('./lib/redis-options.js')
const { openSnapshots } = require('./lib/snapshots.js')
const { openDatabase } = require('./lib/sqlite-open.js')
const { readSqliteOptions } = require('./lib/sqlite-options.js')

const MEMORY_CHECKS = {
  maxConversations: aWholeNumber(1, Number.MAX_SAFE_INTEGER),
  maxBytes: aWholeNumber(1, Number.MAX_SAFE_INTEGER),
  snapshots: aRoom,
  logger: aLogger,
  ...RETENTION_CHECKS,
}

class MemoryStorage extends Adapter {
  /** @param {unknown} [options] */
  constructor(options) {
    const given = readOptions('memory', options, MEMORY_CHECKS)
    const { maxConversations, maxBytes, snapshots, logger } = given
    const { sweptTtl, ...settings } = readRetention(given)
    const monitor = new Monitor('memory', logger, sweptTtl === undefined ? undefined : getDispatcher())
    const handle = new Memory({ maxConversations, maxBytes, sweptTtl }, monitor)
    super({ adapter: 'memory', handle, monitor, ...settings, snapshots: openSnapshots(handle, snapshots) })
  }
}

// What may stand in a file name on every system; a name must not end in a dot on Windows.
/** @type {import('./lib/options.js').Check<string>} */
const anExtension = (value) =>
  typeof value === 'string' && /^([\w@+=,.-]{0,39}[\w@+=,-])?$/.test(value)
    ? undefined
    : 'at most 40 letters, digits or . _ - @ + = , and not end in a dot'

const FILE_CHECKS = {
  dir: aPathOrUrl,
  extension: anExtension,
  pretty: aBoolean,
  durable: aBoolean,
  snapshots: aRoom,
  logger: aLogger,
  ...RETENTION_CHECKS,
}

class FileStorage extends Adapter {
  /** @param {unknown} options */
  constructor(options) {
    const given = readOptions('file', options, FILE_CHECKS)
    const { dir, extension = '.json', pretty = false, durable = true } = given
    const { sweptTtl, ...settings } = readRetention(given)
    if (dir === undefined) throw optionsError('file', 'The file storage needs the option "dir".')
    const place = path.resolve(dir)
    const monitor = new Monitor('file', given.logger, getDispatcher())
    const native = openFile(getDispatcher(), monitor.native, { dir: place, extension, durable, sweptTtl })
    const handle = new NativeHandle(native, scheduleHandOver, 'files are read and written by other threads')
    // Indented text has no short form.
    const snapshots = openSnapshots(handle, pretty ? 0 : given.snapshots)
    super({ adapter: 'file', handle: guard(handle, inDirectory(place)), monitor, pretty, ...settings, snapshots })
  }
}

class RedisStorage extends Adapter {
  /** @param {unknown} [options] */
  constructor(options) {
    const settings = readRedisOptions(options)
    const { ttl, refreshOnLoad } = settings
    const monitor = new Monitor('redis', settings.logger, getDispatcher())
    const handle = openRedisHandle(settings, monitor)
    const snapshots = openSnapshots(handle, settings.snapshots)
    super({ adapter: 'redis', handle, monitor, ttl, refreshOnLoad, snapshots })
  }
}

class SQLiteStorage extends Adapter {
  /** @param {unknown} options */
  constructor(options) {
    const settings = readSqliteOptions(options)
    const { ttl, refreshOnLoad } = settings
    const monitor = new Monitor('sqlite', settings.logger, getDispatcher())
    const handle = openSqliteHandle(settings, monitor)
    const snapshots = openSnapshots(handle, settings.snapshots)
    super({ adapter: 'sqlite', handle, monitor, ttl, refreshOnLoad, snapshots })
  }
}

const CUSTOM_CHECKS = { ttl: RETENTION_CHECKS.ttl, refreshOnLoad: RETENTION_CHECKS.refreshOnLoad, logger: aLogger }

/** The base of a storage whose place the user wrote. */
class CustomStorage extends Adapter {
  /**
   * @param {any} place
   * @param {unknown} [options]
   */
  constructor(place, options) {
    for (const name of ['read', 'transact']) {
      if (typeof place?.[name] === 'function') continue
      throw optionsError('custom', `The place of a custom storage must have a function ${name}().`)
    }
    const { ttl = 0, refreshOnLoad = false, logger } = readOptions('custom', options, CUSTOM_CHECKS)
    const monitor = new Monitor('custom', logger)
    super({ adapter: 'custom', handle: measured(new CustomHandle(place), monitor), monitor, ttl, refreshOnLoad })
  }
}

/** @typedef {InstanceType<typeof Monitor>} MonitorOf */

/**
 * @param {ReturnType<typeof readRedisOptions>} settings
 * @param {MonitorOf} monitor
 */
function openRedisHandle(settings, monitor) {
  if (settings.client !== undefined) return measured(openClient(settings.client, settings, monitor), monitor)
  const native = openRedis(getDispatcher(), monitor.native, settings, settings.tls)
  const handle = new NativeHandle(native, scheduleHandOverSoon, 'the storage has a connection of its own', {
    collection: settings.prefix,
    database: settings.db,
    serverAddress: settings.path ?? settings.host,
    ...(settings.path === undefined ? { serverPort: settings.port } : {}),
  })
  return guard(handle, toServer(settings))
}

/**
 * @param {ReturnType<typeof readSqliteOptions>} settings
 * @param {MonitorOf} monitor
 */
function openSqliteHandle({ db, path: file, table, mode, journal, secureDelete, sweptTtl }, monitor) {
  if (db !== undefined) return measured(openDatabase(db, table, mode, sweptTtl, monitor), monitor)
  const place = path.resolve(file)
  const native = openSqlite(getDispatcher(), monitor.native, { path: place, table, journal, secureDelete, sweptTtl })
  const reason = 'the storage opens the file itself'
  const handle = new NativeHandle(native, scheduleHandOver, reason, { collection: table })
  return guard(handle, onDatabase(place))
}

module.exports = { MemoryStorage, FileStorage, RedisStorage, SQLiteStorage, CustomStorage, StorageError, sequentialize }
