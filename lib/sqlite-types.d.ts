/** What this package calls on a prepared statement. */
interface SQLiteStatement {
  /** Runs it for its effect. */
  run(...parameters: never[]): unknown
  /** The first row, or nothing. */
  get(...parameters: never[]): unknown
  /** All rows. */
  all(...parameters: never[]): unknown
}

/**
 * What this package calls on a synchronous SQLite database: one of better-sqlite3, of its relatives (libsql,
 * better-sqlite3-multiple-ciphers), or a `DatabaseSync` of `node:sqlite`.
 */
export interface SQLiteDatabase {
  /** Compiles one statement. */
  prepare(sql: string): SQLiteStatement
  /** Runs statements that answer nothing. */
  exec(sql: string): unknown
}

/** What {@link SQLiteStorage} takes, whatever it reaches the database by. */
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
   * `"inline"` does everything on that connection itself, on the event loop; `"auto"` uses a connection of its own
   * beside it, on another thread, where that is possible and safe (see `docs/sqlite-native.md`).
   *
   * @default "auto"
   */
  mode?: 'auto' | 'inline' | undefined
  path?: undefined
}

interface SQLitePathOptions extends SQLiteCommonOptions {
  /** The database file. Made, with its directory, at the first operation. Its journal is WAL, with `synchronous=FULL`. */
  path: string
  db?: undefined
  mode?: undefined
}

/** Either a `db` or a `path`. */
export type SQLiteStorageOptions = SQLiteDatabaseOptions | SQLitePathOptions

// Only what says `export` is exported.
export {}
