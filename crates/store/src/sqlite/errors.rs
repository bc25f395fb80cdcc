//! SQLite's errors, and their meaning in the public contract.

use rusqlite::ffi;

use super::super::error::{ErrorKind, StoreError};
use super::journal::lacks_shared_memory;
use super::result_codes::name;
use super::table::Table;

/// The error of an SQLite call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteError {
    /// The extended result code.
    pub code: i32,
    pub message: String,
}

/// Why a batch, or a part of it, failed: an error of SQLite, or a check of ours.
#[derive(Clone, Debug)]
pub enum BatchError {
    Sqlite(SqliteError),
    Refused(StoreError),
}

impl From<SqliteError> for BatchError {
    fn from(failure: SqliteError) -> Self {
        BatchError::Sqlite(failure)
    }
}

impl SqliteError {
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        SqliteError { code, message: message.into() }
    }

    /// Returns the result code without its extension.
    pub fn primary(&self) -> i32 {
        self.code & 0xff
    }

    /// Returns whether another connection holds a lock: trying again may help.
    pub fn is_busy(&self) -> bool {
        matches!(self.primary(), ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED)
    }

    /// Returns whether the error may lie in the connection as much as in the file, so that the next batch needs a fresh one.
    pub fn requires_reopen(&self) -> bool {
        matches!(
            self.primary(),
            // When the lock timeout is over: a connection that could not release a lock keeps itself out until it is closed.
            ffi::SQLITE_BUSY
                | ffi::SQLITE_LOCKED
                | ffi::SQLITE_IOERR
                | ffi::SQLITE_CORRUPT
                | ffi::SQLITE_NOTADB
                | ffi::SQLITE_CANTOPEN
                | ffi::SQLITE_PROTOCOL
                | ffi::SQLITE_NOMEM
                | ffi::SQLITE_READONLY
                | ffi::SQLITE_MISUSE
                | ffi::SQLITE_INTERNAL
        )
    }

    /// Returns the error in the terms of the public contract.
    pub fn explain(&self, path: &str) -> StoreError {
        let message = &self.message;
        let (kind, reason) = match self.primary() {
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => {
                (ErrorKind::Unavailable, format!("{path} is locked by another connection; try again"))
            }
            ffi::SQLITE_FULL => {
                (ErrorKind::Unavailable, format!("{path}: {message}; free some disk space and try again"))
            }
            ffi::SQLITE_NOTADB => {
                (ErrorKind::Corrupt, format!("{path} is not an SQLite database; it was left as it is"))
            }
            ffi::SQLITE_CORRUPT => (
                ErrorKind::Corrupt,
                format!("{path} is damaged ({message}); restore it, or run sqlite3's .recover on it"),
            ),
            ffi::SQLITE_READONLY | ffi::SQLITE_PERM | ffi::SQLITE_AUTH => (
                ErrorKind::Denied,
                format!(
                    "{path}: {message}; check the permissions of the file, of -wal and -shm beside it, and of the directory"
                ),
            ),
            // Trying again would fail again: a CHECK, a foreign key, a trigger's RAISE, a STRICT table, a length limit.
            ffi::SQLITE_CONSTRAINT | ffi::SQLITE_MISMATCH | ffi::SQLITE_TOOBIG => {
                (ErrorKind::Denied, format!("{path} refuses it: {message}"))
            }
            // A trigger, a view or an index needs what one connection has and another lacks.
            ffi::SQLITE_ERROR if lacks_extension(message) => (
                ErrorKind::Denied,
                format!(
                    "{path}: {message}; open the database with the extension or function that defines it, and give it to \
                     the storage as the option \"db\""
                ),
            ),
            ffi::SQLITE_MISUSE | ffi::SQLITE_INTERNAL => {
                (ErrorKind::Internal, format!("{path}: {message}; this is a bug, please report it"))
            }
            _ if lacks_shared_memory(self) => (
                ErrorKind::Unavailable,
                format!(
                    "{path}: {message}; its volume has no shared memory, which a WAL needs; give the database a rollback \
                     journal (journal_mode = DELETE)"
                ),
            ),
            _ => (ErrorKind::Unavailable, format!("{path}: {message}")),
        };
        StoreError::new(kind, reason).with_cause(Some(name(self.code)), message.clone())
    }
}

/// Returns whether the schema names something that SQLite itself does not have.
fn lacks_extension(message: &str) -> bool {
    let named = ["no such module: ", "no such function: ", "no such collation sequence: ", "no such tokenizer: "];
    named.into_iter().any(|start| message.contains(start))
}

impl BatchError {
    pub fn is_busy(&self) -> bool {
        matches!(self, BatchError::Sqlite(failure) if failure.is_busy())
    }

    pub fn explain(&self, table: &Table) -> StoreError {
        match self {
            BatchError::Sqlite(failure) => failure.explain(&table.path),
            BatchError::Refused(error) => error.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_an_extension_has_is_no_reason_to_try_again() {
        for (message, kind) in [
            ("no such module: vec0", ErrorKind::Denied),
            ("no such function: embed", ErrorKind::Denied),
            ("no such collation sequence: de_DE", ErrorKind::Denied),
            ("error in trigger t: no such tokenizer: trigram2", ErrorKind::Denied),
            ("no such table: main.conversations", ErrorKind::Unavailable),
        ] {
            let error = SqliteError::new(ffi::SQLITE_ERROR, message).explain("/x.db");
            assert_eq!(error.kind, kind, "{message}");
            assert_eq!(error.reason.contains("option \"db\""), kind == ErrorKind::Denied, "{}", error.reason);
        }
    }

    #[test]
    fn codes_have_the_names_of_better_sqlite3_and_the_kinds_of_the_contract() {
        for (code, name, kind) in [
            (5, "SQLITE_BUSY", ErrorKind::Unavailable),
            (517, "SQLITE_BUSY_SNAPSHOT", ErrorKind::Unavailable),
            (13, "SQLITE_FULL", ErrorKind::Unavailable),
            (778, "SQLITE_IOERR_WRITE", ErrorKind::Unavailable),
            (1032, "SQLITE_READONLY_DBMOVED", ErrorKind::Denied),
            (26, "SQLITE_NOTADB", ErrorKind::Corrupt),
            (779, "SQLITE_CORRUPT_INDEX", ErrorKind::Corrupt),
            (21, "SQLITE_MISUSE", ErrorKind::Internal),
            (1811, "SQLITE_CONSTRAINT_TRIGGER", ErrorKind::Denied),
            (20, "SQLITE_MISMATCH", ErrorKind::Denied),
            (18, "SQLITE_TOOBIG", ErrorKind::Denied),
            (5 + (99 << 8), "SQLITE_BUSY", ErrorKind::Unavailable),
            (200, "UNKNOWN_SQLITE_ERROR_200", ErrorKind::Unavailable),
        ] {
            let error = SqliteError::new(code, "why").explain("/x.db");
            assert_eq!(error.kind, kind, "{name}");
            assert_eq!(error.cause.unwrap().code.as_deref(), Some(name));
        }
    }
}
