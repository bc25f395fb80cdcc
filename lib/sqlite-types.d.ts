import type { LoggerOptions } from './logger-types.js'
import type { RetentionOptions } from './retention-types.js'
import type { SnapshotOptions } from './snapshot-types.js'

/** The methods that this package calls on a prepared statement. */
interface SQLiteStatement {
  /** Runs it for its effect. */
  run(...parameters: never[]): unknown
  /** Returns the first row; `undefined` or `null` if there is none. */
  get(...parameters: never[]): unknown
  /** Returns all rows. */
  all(...parameters: never[]): unknown
}

/**
 * The methods that this package calls on a synchronous SQLite database: one of better-sqlite3, of its relatives (libsql,
 * better-sqlite3-multiple-ciphers), or a `DatabaseSync` of `node:sqlite`. It may return rows as objects or as arrays, and numbers
 * as bigints.
 */
export interface SQLiteDatabase {
  /** Compiles one statement. */
  prepare(sql: string): SQLiteStatement
  /** Runs statements that return no rows. */
  exec(sql: string): unknown
}

/** A `URL`. Written out, since its own type is only known with the types of Node.js or of a browser. */
interface FileUrl {
  readonly href: string
  readonly protocol: string
}

/** The options of {@link SQLiteStorage} that do not depend on how it reaches the database. */
interface SQLiteCommonOptions extends LoggerOptions, RetentionOptions, SnapshotOptions {
  /**
   * The table, made if it is missing: `(id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL)`.
   *
   * @default "conversations"
   */
  table?: string | undefined
}

interface SQLiteDatabaseOptions extends SQLiteCommonOptions {
  /** The user's own connection, open. It keeps its pragmas, and operations join the transaction that is open on it. */
  db: SQLiteDatabase
  /**
   * `"auto"` uses a second connection beside this one, on another thread, wherever that is possible and safe (see
   * `docs/sqlite-native.md`). `"inline"` does everything on this connection itself, on the event loop.
   *
   * @default "auto"
   */
  mode?: 'auto' | 'inline' | undefined
  path?: undefined
  journal?: undefined
  secureDelete?: undefined
}

interface SQLitePathOptions extends SQLiteCommonOptions {
  /**
   * The database file, as a path or a `file:` URL. Made, with its directory, at the first operation. Commits wait for the
   * disk.
   */
  path: string | FileUrl
  /**
   * `"wal"` lets readers and the writer go on beside each other. On a volume without shared memory (some network and FUSE
   * file systems) a rollback journal is used instead. `"delete"` uses a rollback journal everywhere. It takes effect while
   * no other connection has the file open. The first storage on a file decides for all of its process.
   *
   * @default "wal"
   */
  journal?: 'wal' | 'delete' | undefined
  /**
   * Overwrites with zeros what is deleted or replaced. A `delete`, `clear` or `purge` also waits until nothing of it is left in the
   * write-ahead log. If readers of the file prevent that for 5 seconds, it rejects with `ERR_STORAGE_UNAVAILABLE`: deleted, but its
   * bytes are still in the log. It applies to this storage's file from then on, not to what was deleted before.
   *
   * @default false
   */
  secureDelete?: boolean | undefined
  db?: undefined
  mode?: undefined
}

/** Either a `db` or a `path`. */
export type SQLiteStorageOptions = SQLiteDatabaseOptions | SQLitePathOptions

// Without this line, declarations without `export` would be exported, too.
export {}
