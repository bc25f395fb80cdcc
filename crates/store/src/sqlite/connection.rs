//! What the writer needs of a connection, so that it serves SQLite's copy in this addon and better-sqlite3's.

use super::errors::{BatchError, SqliteError};
use super::table::Table;

/// What lies in the `state` column of a conversation's row.
#[derive(Debug, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    Text(String),
    /// Something that no `save` of ours wrote; says what, as in "holds a BLOB".
    Foreign(&'static str),
}

/// One open connection. Made and dropped on the writer thread, and used by one thread at a time; dropping it closes it.
///
/// A lock held by others is waited for in short slices only ([`BUSY_SLICE`](super::bundled::BUSY_SLICE)) and then
/// reported as `SQLITE_BUSY`: how long to wait in all is the writer's affair.
pub trait Connection: Send {
    /// Runs one statement and ignores its rows.
    fn execute(&mut self, sql: &str) -> Result<(), SqliteError>;

    /// The rows of a query with one text parameter. NULL becomes an empty string, a number its decimal form.
    fn query(&mut self, sql: &str, parameter: &str) -> Result<Vec<Vec<String>>, SqliteError>;

    /// Whether a transaction is open. Some errors (disk full, I/O) end it on their own.
    fn in_transaction(&self) -> bool;

    fn upsert(&mut self, table: &Table, id: &str, text: &str, now: i64) -> Result<(), SqliteError>;
    fn get(&mut self, table: &Table, id: &str) -> Result<Stored, SqliteError>;
    fn delete(&mut self, table: &Table, id: &str) -> Result<(), SqliteError>;

    /// Takes the write lock at once: a transaction that begins by reading could not get it later without failing.
    fn begin(&mut self) -> Result<(), SqliteError> {
        self.execute("BEGIN IMMEDIATE")
    }

    fn commit(&mut self) -> Result<(), SqliteError> {
        self.execute("COMMIT")
    }

    fn rollback(&mut self) -> Result<(), SqliteError> {
        self.execute("ROLLBACK")
    }

    /// Whether what it has open is still what lies at its path. SQLite itself goes on writing to a deleted file.
    fn is_current(&self) -> bool {
        true
    }

    /// Whether the file is someone else's, whose own connection can do things that this one cannot.
    fn is_sidecar(&self) -> bool {
        false
    }

    /// Closes a connection that is no longer current, so that it cannot harm the file that took the place of its own.
    fn retire(self: Box<Self>) {}
}

/// Makes a connection. Runs on the writer thread, again after every failure.
pub type Open = Box<dyn Fn() -> Result<Box<dyn Connection>, BatchError> + Send + Sync>;
