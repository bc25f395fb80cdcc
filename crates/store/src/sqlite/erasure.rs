//! Has what was deleted leave the files. SQLite only marks the space of a deleted row as free; its bytes stay in the database file,
//! and in the WAL, until something else needs the space.

use rusqlite::ffi;

use super::super::error::{ErrorKind, StoreError};
use super::connection::{Connection, Value};
use super::errors::{BatchError, SqliteError};
use super::retry_budget::RetryBudget;

/// Has the connection overwrite with zeros what is deleted or replaced. Not `FAST`: that leaves the pages that a large state gave
/// free as they are (measured, states of 20 KB).
pub fn begin(connection: &mut dyn Connection) -> Result<(), SqliteError> {
    connection.execute("PRAGMA secure_delete = ON")
}

/// Copies the WAL into the database file, over what was deleted, and empties it. Waits for readers, who may still need it.
pub fn finish(connection: &mut dyn Connection, budget: &mut RetryBudget) -> Result<(), StoreError> {
    let emptied = budget.retry(|| {
        let rows = connection.run("PRAGMA wal_checkpoint(TRUNCATE)", &[])?;
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(0)) => Ok(()),
            _ => Err(BatchError::Sqlite(SqliteError::new(ffi::SQLITE_BUSY, "a reader uses the write-ahead log"))),
        }
    });
    emptied.map_err(|error| {
        let message = match error {
            BatchError::Sqlite(error) => error.message,
            BatchError::Refused(error) => error.reason,
        };
        let reason = format!("deleted, but its bytes are still in the log: {message}; delete it again later");
        StoreError::new(ErrorKind::Unavailable, reason)
    })
}
