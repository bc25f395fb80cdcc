'use strict'

const path = require('node:path')

const { MemoryHandle, openFile, openRedis, openSqlite } = require('./lib/binding.js')
const { Adapter } = require('./lib/adapter.js')
const { getDispatcher, scheduleHandOver, scheduleHandOverSoon } = require('./lib/dispatcher.js')
const { optionsError, StorageError } = require('./lib/errors.js')
const { NativeHandle } = require('./lib/native-handle.js')
const { aBoolean, aPath, readOptions } = require('./lib/options.js')
const { openClient } = require('./lib/redis-open.js')
const { readRedisOptions } = require('./lib/redis-options.js')
const { openDatabase } = require('./lib/sqlite-open.js')
const { readSqliteOptions } = require('./lib/sqlite-options.js')

class MemoryStorage extends Adapter {
  /** @param {unknown} [options] */
  constructor(options) {
    readOptions('memory', options, {})
    const handle = new NativeHandle(new MemoryHandle(), undefined, 'states are kept in native memory')
    super({ adapter: 'memory', handle })
  }
}

// What may stand in a file name on every system; a name must not end in a dot on Windows.
/** @type {import('./lib/options.js').Check<string>} */
const anExtension = (value) =>
  typeof value === 'string' && /^([\w@+=,.-]{0,39}[\w@+=,-])?$/.test(value)
    ? undefined
    : 'at most 40 letters, digits or . _ - @ + = , and not end in a dot'

const FILE_CHECKS = {
  dir: aPath,
  extension: anExtension,
  pretty: aBoolean,
  durable: aBoolean,
}

class FileStorage extends Adapter {
  /** @param {unknown} options */
  constructor(options) {
    const { dir, extension = '.json', pretty = false, durable = true } = readOptions('file', options, FILE_CHECKS)
    if (dir === undefined) throw optionsError('file', 'The file storage needs the option "dir".')
    const native = openFile(getDispatcher(), { dir: path.resolve(dir), extension, durable })
    const handle = new NativeHandle(native, scheduleHandOver, 'files are read and written by other threads')
    super({ adapter: 'file', handle, pretty })
  }
}

class RedisStorage extends Adapter {
  /** @param {unknown} [options] */
  constructor(options) {
    const settings = readRedisOptions(options)
    super({ adapter: 'redis', handle: openRedisHandle(settings), ttl: settings.ttl })
  }
}

class SQLiteStorage extends Adapter {
  /** @param {unknown} options */
  constructor(options) {
    super({ adapter: 'sqlite', handle: openSqliteHandle(readSqliteOptions(options)) })
  }
}

/** @param {ReturnType<typeof readRedisOptions>} settings */
function openRedisHandle(settings) {
  if (settings.client !== undefined) return openClient(settings.client, settings)
  const native = openRedis(getDispatcher(), settings, settings.tls)
  return new NativeHandle(native, scheduleHandOverSoon, 'the storage has a connection of its own')
}

/** @param {ReturnType<typeof readSqliteOptions>} settings */
function openSqliteHandle({ db, path: file, table, mode }) {
  if (db !== undefined) return openDatabase(db, table, mode)
  const native = openSqlite(getDispatcher(), { path: path.resolve(file), table })
  return new NativeHandle(native, scheduleHandOver, 'the storage opens the file itself')
}

module.exports = { MemoryStorage, FileStorage, RedisStorage, SQLiteStorage, StorageError }
