//! The connection to a file that we own, through the copy of SQLite in this addon.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ToSql, ffi, params_from_iter};

use super::connection::{Connection, Param, Row, Value};
use super::db_file::{self, FileId};
use super::double_open::{self, Claim};
use super::errors::{BatchError, SqliteError};

/// How long one SQLite call waits for a lock.
pub const BUSY_SLICE: Duration = Duration::from_millis(50);

/// Three statements for each table, and a few of our own.
const CACHED_STATEMENTS: usize = 64;

struct Bundled {
    // In front of the claim, so that it is closed first.
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
    // Before SQLite opens it: if the file is replaced in between, the next `is_current` notices.
    let file_id = FileId::of(path);
    // No URI flag, and the path is absolute: `file:x?mode=ro` is a name like any other.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let inner = rusqlite::Connection::open_with_flags(path, flags).map_err(failure)?;
    inner.busy_timeout(BUSY_SLICE).map_err(failure)?;
    inner.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    let mut connection = Bundled { inner, _claim: claim, path: path.to_owned(), file_id };
    match connection.execute("PRAGMA journal_mode = WAL") {
        Ok(()) => {}
        // Others use the file, or it is read-only: every other journal mode is as safe, only slower.
        Err(refusal) if refusal.is_busy() || refusal.primary() == ffi::SQLITE_READONLY => {}
        Err(error) => return Err(error),
    }
    connection.execute("PRAGMA synchronous = FULL")?;
    Ok(Box::new(connection))
}

impl Connection for Bundled {
    fn run(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, SqliteError> {
        let mut statement = self.inner.prepare_cached(sql).map_err(failure)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(params)).map_err(failure)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failure)? {
            let values = (0..columns).map(|column| Ok(value(row.get_ref(column)?)));
            found.push(values.collect::<Result<_, _>>().map_err(failure)?);
        }
        Ok(found)
    }

    fn in_transaction(&self) -> bool {
        !self.inner.is_autocommit()
    }

    fn is_current(&self) -> bool {
        self.file_id == FileId::of(&self.path)
    }

    /// A new file would find our -wal beside it and take the old file's changes for its own. Emptying the -wal prevents that.
    /// If the -wal was deleted or replaced as well, it is another file than the one that is open here.
    fn retire(mut self: Box<Self>) {
        let _ = self.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Integer(number) => ValueRef::Integer(*number),
        }))
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(_) => Value::Real,
        ValueRef::Text(bytes) => Value::from_bytes(bytes),
        ValueRef::Blob(_) => Value::Blob,
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
