'use strict'

const path = require('node:path')

const { MemoryHandle, openFile, openRedis, openSqlite } = require('./lib/binding.js')
const { Adapter, INTERNAL } = require('./lib/adapter.js')
const { getDispatcher, scheduleHandOver, scheduleHandOverSoon } = require('./lib/dispatcher.js')
const { optionsError, StorageError } = require('./lib/errors.js')
const { aBoolean, aPath, readOptions } = require('./lib/options.js')
const { openClient } = require('./lib/redis-open.js')
const { readRedisOptions } = require('./lib/redis-options.js')
const { HostSqlite } = require('./lib/sqlite-host.js')
const { readSqliteOptions } = require('./lib/sqlite-options.js')

class MemoryStorage extends Adapter {
  constructor(options) {
    readOptions('memory', options, {})
    // Said, since what is left out could be inherited from a polluted `Object.prototype`.
    super({ adapter: 'memory', handle: new MemoryHandle(), submitted: undefined, pretty: false })
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
    const { client, tls, ...settings } = readRedisOptions(options)
    if (client !== undefined) {
      super({ adapter: 'redis', handle: openClient(client, settings), submitted: nothing })
    } else {
      const handle = openRedis(getDispatcher(), settings, tls)
      super({ adapter: 'redis', handle, submitted: scheduleHandOverSoon })
    }
  }

  get mode() {
    return this[INTERNAL].handle.mode ?? 'native'
  }

  get modeReason() {
    return this[INTERNAL].handle.modeReason ?? 'the storage has a connection of its own'
  }
}

class SQLiteStorage extends Adapter {
  constructor(options) {
    const { db, path: file, table, mode } = readSqliteOptions(options)
    if (db !== undefined) {
      super({ adapter: 'sqlite', handle: new HostSqlite(db, table, mode), submitted: nothing })
    } else {
      const handle = openSqlite(getDispatcher(), { path: path.resolve(file), table })
      super({ adapter: 'sqlite', handle, submitted: scheduleHandOver })
    }
  }

  get mode() {
    return this[INTERNAL].handle.mode ?? 'native'
  }

  get modeReason() {
    return this[INTERNAL].handle.modeReason ?? 'the file is opened by the storage itself'
  }
}

/** The user's own client or connection is called within the operation: there is nothing to hand over. */
function nothing() {}

module.exports = { MemoryStorage, FileStorage, RedisStorage, SQLiteStorage, StorageError }
