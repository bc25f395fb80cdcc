//! What the writer needs of a connection, so that it serves SQLite's copy in this addon and better-sqlite3's.

use super::errors::{BatchError, SqliteError};

/// A value for one `?` of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Param<'a> {
    Text(&'a str),
    Integer(i64),
}

/// One column of a row. The content of a BLOB or of a real number is never needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Integer(i64),
    Real,
    Text(String),
    /// Text that is not UTF-8, with its bad bytes replaced.
    InvalidText(String),
    Blob,
}

impl Value {
    /// Builds the value of a column that SQLite declares to be text.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::InvalidText(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

pub type Row = Vec<Value>;

/// One open connection. Made and dropped on the writer thread, and used by one thread at a time; dropping it closes it.
///
/// It waits for a lock only in short slices ([`BUSY_SLICE`](super::bundled::BUSY_SLICE)) and then returns `SQLITE_BUSY`: the
/// writer decides how long to wait in all.
pub trait Connection: Send {
    /// Runs one statement to its end and returns its rows. Keeps the statement prepared, so that `sql` must be one of few.
    fn run(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, SqliteError>;

    /// Runs a statement without parameters and ignores its rows.
    fn execute(&mut self, sql: &str) -> Result<(), SqliteError> {
        self.run(sql, &[]).map(drop)
    }

    /// Returns whether a transaction is open. Some errors (disk full, I/O) end it on their own.
    fn in_transaction(&self) -> bool;

    /// Takes the write lock immediately: a transaction that begins by reading could fail to get it later.
    fn begin(&mut self) -> Result<(), SqliteError> {
        self.execute("BEGIN IMMEDIATE")
    }

    fn commit(&mut self) -> Result<(), SqliteError> {
        self.execute("COMMIT")
    }

    fn rollback(&mut self) -> Result<(), SqliteError> {
        self.execute("ROLLBACK")
    }

    /// Has the next commits wait for no disk, if that is safe: in WAL mode. Returns whether it does, until
    /// [`Connection::restore_sync`]. Not within a transaction.
    fn relax_sync(&mut self) -> bool {
        false
    }

    fn restore_sync(&mut self) -> Result<(), SqliteError> {
        Ok(())
    }

    /// Returns whether the open file is still the one at its path. SQLite itself goes on writing to a deleted file.
    fn is_current(&self) -> bool {
        true
    }

    /// Returns whether this is a second connection beside the user's own, which can do things that this one cannot.
    fn is_sidecar(&self) -> bool {
        false
    }

    /// Closes a connection that is no longer current, so that it cannot harm the file that took the place of its own.
    fn retire(self: Box<Self>) {}
}

/// Opens a connection. Runs on the writer thread, again after every failure.
pub type Open = Box<dyn Fn() -> Result<Box<dyn Connection>, BatchError> + Send + Sync>;

/// Returns whether the journal is a WAL. There, a commit without a sync cannot corrupt the file; with a rollback journal it can.
pub fn is_wal(connection: &mut dyn Connection) -> bool {
    let rows = connection.run("PRAGMA journal_mode", &[]).unwrap_or_default();
    matches!(rows.first().and_then(|row| row.first()), Some(Value::Text(mode)) if mode.eq_ignore_ascii_case("wal"))
}
