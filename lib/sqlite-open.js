'use strict'

/** @import { Handle } from './handle.js' */
/** @import { SQLiteDatabase } from './sqlite-types.js' */
/** @typedef {InstanceType<typeof import('./monitor.js').Monitor>} Monitor */

const { NativeFirst } = require('./native-first.js')
const { InlineSqlite } = require('./sqlite-inline.js')
const { SqliteSidecar } = require('./sqlite-sidecar.js')

/**
 * Returns the handle for one table of the user's own database: on a connection beside it if that is possible and safe, else
 * on that connection itself.
 *
 * @param {SQLiteDatabase} db
 * @param {string} table
 * @param {'auto' | 'inline'} mode
 * @param {number | undefined} sweptTtl seconds; `undefined` if the storage removes nothing by itself
 * @param {Monitor} monitor
 * @returns {Handle}
 */
function openDatabase(db, table, mode, sweptTtl, monitor) {
  const user = new InlineSqlite(db, table)
  if (mode === 'inline') return user
  return new NativeFirst(monitor, new SqliteSidecar(db, table, user, sweptTtl, monitor), user)
}

module.exports = { openDatabase }
