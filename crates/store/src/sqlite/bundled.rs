//! The connection to a file that we own, through the copy of SQLite in this addon.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{OpenFlags, ffi, params};

use super::connection::{Connection, Stored};
use super::db_file::{self, FileId};
use super::double_open::{self, Claim};
use super::errors::{BatchError, SqliteError};
use super::table::Table;

/// How long one SQLite call waits for a lock.
pub const BUSY_SLICE: Duration = Duration::from_millis(50);

/// Three statements for each table, and a few of our own.
const CACHED_STATEMENTS: usize = 64;

struct Bundled {
    // Before the claim, so that it is closed first.
    inner: rusqlite::Connection,
    _claim: Option<Claim>,
    path: PathBuf,
    file_id: FileId,
}

/// Opens the database at `path`; makes it, and its directory, if it is missing.
pub fn open(path: &Path) -> Result<Box<dyn Connection>, BatchError> {
    db_file::prepare(path)?;
    // In the Rust tests other connections of this same copy stand for other processes.
    let claim = if cfg!(test) { None } else { Some(double_open::claim(path)?) };
    open_prepared(path, claim).map_err(|failure| db_file::explain(failure, path))
}

fn open_prepared(path: &Path, claim: Option<Claim>) -> Result<Box<dyn Connection>, SqliteError> {
    // Before SQLite opens it: should the file be replaced in between, the next look at it tells.
    let file_id = FileId::of(path);
    // No URI flag, and the path is absolute: `file:x?mode=ro` is a name like any other.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let inner = rusqlite::Connection::open_with_flags(path, flags).map_err(failure)?;
    inner.busy_timeout(BUSY_SLICE).map_err(failure)?;
    inner.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    let mut connection = Bundled { inner, _claim: claim, path: path.to_owned(), file_id };
    match connection.execute("PRAGMA journal_mode = WAL") {
        Ok(()) => {}
        // Others are using the file, or it is read-only: every other journal mode is as safe, only slower.
        Err(refusal) if refusal.is_busy() || refusal.primary() == ffi::SQLITE_READONLY => {}
        Err(error) => return Err(error),
    }
    connection.execute("PRAGMA synchronous = FULL")?;
    Ok(Box::new(connection))
}

impl Connection for Bundled {
    fn execute(&mut self, sql: &str) -> Result<(), SqliteError> {
        let mut statement = self.inner.prepare_cached(sql).map_err(failure)?;
        let mut rows = statement.raw_query();
        while rows.next().map_err(failure)?.is_some() {}
        Ok(())
    }

    fn query(&mut self, sql: &str, parameter: &str) -> Result<Vec<Vec<String>>, SqliteError> {
        let mut statement = self.inner.prepare_cached(sql).map_err(failure)?;
        let columns = statement.column_count();
        let rows = statement
            .query_map([parameter], |row| (0..columns).map(|column| Ok(cell(row.get_ref(column)?))).collect())
            .map_err(failure)?;
        rows.collect::<Result<_, _>>().map_err(failure)
    }

    fn in_transaction(&self) -> bool {
        !self.inner.is_autocommit()
    }

    fn upsert(&mut self, table: &Table, id: &str, text: &str, now: i64) -> Result<(), SqliteError> {
        let mut statement = self.inner.prepare_cached(&table.upsert).map_err(failure)?;
        statement.execute(params![id, text, now]).map_err(failure)?;
        Ok(())
    }

    fn get(&mut self, table: &Table, id: &str) -> Result<Stored, SqliteError> {
        let mut statement = self.inner.prepare_cached(&table.get).map_err(failure)?;
        let mut rows = statement.query([id]).map_err(failure)?;
        let Some(row) = rows.next().map_err(failure)? else { return Ok(Stored::Nothing) };
        Ok(match row.get_ref(0).map_err(failure)? {
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Stored::Text(text.to_owned()),
                Err(_) => Stored::Foreign("text that is not UTF-8"),
            },
            ValueRef::Null => Stored::Foreign("NULL"),
            ValueRef::Blob(_) => Stored::Foreign("a BLOB"),
            ValueRef::Integer(_) | ValueRef::Real(_) => Stored::Foreign("a number"),
        })
    }

    fn delete(&mut self, table: &Table, id: &str) -> Result<(), SqliteError> {
        let mut statement = self.inner.prepare_cached(&table.delete).map_err(failure)?;
        statement.execute([id]).map_err(failure)?;
        Ok(())
    }

    fn is_current(&self) -> bool {
        self.file_id == FileId::of(&self.path)
    }

    /// A new file would be born with our -wal beside it and take the old file's changes for its own. Emptying the -wal
    /// prevents that. If it was deleted or replaced too, it is another file than the one we have open.
    fn retire(mut self: Box<Self>) {
        let _ = self.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

fn cell(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn failure(error: rusqlite::Error) -> SqliteError {
    match error {
        rusqlite::Error::SqliteFailure(error, message) => {
            SqliteError::new(error.extended_code, message.unwrap_or_else(|| error.to_string()))
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => SqliteError::new(error.extended_code, msg),
        rusqlite::Error::NulError(_) => SqliteError::new(ffi::SQLITE_CANTOPEN, "the path holds a NUL"),
        // The rest are ways to misuse rusqlite.
        other => SqliteError::new(ffi::SQLITE_MISUSE, other.to_string()),
    }
}
