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
 * better-sqlite3-multiple-ciphers), or a `DatabaseSync` of `node:sqlite`.
 */
export interface SQLiteDatabase {
  /** Compiles one statement. */
  prepare(sql: string): SQLiteStatement
  /** Runs statements that return no rows. */
  exec(sql: string): unknown
}

/** The options of {@link SQLiteStorage} that do not depend on how it reaches the database. */
interface SQLiteCommonOptions {
  /**
   * The table, made if it is missing: `(id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL)`.
   *
   * @default "conversations"
   */
  table?: string | undefined
}

interface SQLiteDatabaseOptions extends SQLiteCommonOptions {
  /** The user's own connection. It keeps its pragmas, and operations join the transaction that is open on it. */
  db: SQLiteDatabase
  /**
   * `"auto"` uses a second connection beside this one, on another thread, wherever that is possible and safe (see
   * `docs/sqlite-native.md`). `"inline"` does everything on this connection itself, on the event loop.
   *
   * @default "auto"
   */
  mode?: 'auto' | 'inline' | undefined
  path?: undefined
}

interface SQLitePathOptions extends SQLiteCommonOptions {
  /** The database file. Made, with its directory, at the first operation. It is in WAL mode, with `synchronous=FULL`. */
  path: string
  db?: undefined
  mode?: undefined
}

/** Either a `db` or a `path`. */
export type SQLiteStorageOptions = SQLiteDatabaseOptions | SQLitePathOptions

// Without this line, declarations without `export` would be exported, too.
export {}
