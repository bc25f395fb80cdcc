'use strict'

const path = require('node:path')

const { MemoryHandle, openFile, openRedis, openSqlite } = require('./binding.js')
const { Adapter } = require('./lib/adapter.js')
const { getDispatcher, scheduleHandOver } = require('./lib/dispatcher.js')
const { optionsError, StorageError } = require('./lib/errors.js')
const { aBoolean, aPath, readOptions } = require('./lib/options.js')
const { readRedisOptions } = require('./lib/redis-options.js')

class MemoryStorage extends Adapter {
  constructor(options) {
    readOptions('memory', options, {})
    super({ adapter: 'memory', handle: new MemoryHandle() })
  }
}

const FILE_CHECKS = {
  dir: aPath,
  // What may stand in a file name on every system; a name must not end in a dot on Windows.
  extension: (value) =>
    typeof value === 'string' && /^([\w@+=,.-]{0,39}[\w@+=,-])?$/.test(value)
      ? undefined
      : 'at most 40 letters, digits or . _ - @ + = , and not end in a dot',
  pretty: aBoolean,
  durable: aBoolean,
}

class FileStorage extends Adapter {
  constructor(options) {
    const { dir, extension = '.json', pretty = false, durable = true } = readOptions('file', options, FILE_CHECKS)
    if (dir === undefined) throw optionsError('file', 'The file storage needs the option "dir".')
    const handle = openFile(getDispatcher(), { dir: path.resolve(dir), extension, durable })
    super({ adapter: 'file', handle, submitted: scheduleHandOver, pretty })
  }
}

class RedisStorage extends Adapter {
  constructor(options) {
    const handle = openRedis(getDispatcher(), readRedisOptions(options))
    super({ adapter: 'redis', handle, submitted: scheduleHandOver })
  }
}

const SQLITE_CHECKS = {
  db: () => 'left out: this version opens the file itself, with "path"',
  path: (value) =>
    value === ':memory:' || /^file:/i.test(value)
      ? 'a file (for conversations in memory there is MemoryStorage; URIs are not supported)'
      : aPath(value),
  table: (value) =>
    typeof value === 'string' &&
    value !== '' &&
    value.isWellFormed() &&
    !value.includes('\0') &&
    !/^sqlite_/i.test(value)
      ? undefined
      : 'a name without NUL that does not begin with "sqlite_"',
}

class SQLiteStorage extends Adapter {
  constructor(options) {
    const { path: file, table = 'conversations' } = readOptions('sqlite', options, SQLITE_CHECKS)
    if (file === undefined) throw optionsError('sqlite', 'The sqlite storage needs the option "path".')
    const handle = openSqlite(getDispatcher(), { path: path.resolve(file), table })
    super({ adapter: 'sqlite', handle, submitted: scheduleHandOver })
  }
}

module.exports = { MemoryStorage, FileStorage, RedisStorage, SQLiteStorage, StorageError }
