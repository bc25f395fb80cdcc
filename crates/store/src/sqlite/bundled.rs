//! The connection to a file that we own, through the copy of SQLite in this addon.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ToSql, ffi, params_from_iter};

use super::connection::{self, Connection, Param, Row, Value};
use super::db_file::{self, FileId};
use super::double_open::{self, Claimed};
use super::errors::{BatchError, SqliteError};
use super::journal::{self, Journal};
use super::{free_pages, mounted_file, own_locks, shared_memory};

/// How long one SQLite call waits for a lock.
pub const BUSY_SLICE: Duration = Duration::from_millis(50);

/// Three statements for each table, and a few of our own.
const CACHED_STATEMENTS: usize = 64;

struct Bundled {
    // In front of the claim, so that it is closed first.
    inner: rusqlite::Connection,
    claim: Claimed,
    path: PathBuf,
    file_id: FileId,
}

/// Opens the database at `path`; makes it, and its directory, if it is missing. `path` is without symbolic links.
pub fn open(path: &Path, journal: Journal) -> Result<Box<dyn Connection>, BatchError> {
    own_locks::install();
    db_file::prepare(path)?;
    mounted_file::refuse(path)?;
    let journal = if shared_memory::is_available_beside(path) { journal } else { Journal::Delete };
    match open_prepared(path, |connection| journal::set(connection, journal)) {
        Err(BatchError::Sqlite(failure)) if journal::lacks_shared_memory(&failure) => {
            open_prepared(path, journal::leave_wal)
                .map_err(|error| if error.is_busy() { error } else { failure.into() })
        }
        other => other,
    }
}

fn open_prepared(
    path: &Path,
    set_up: impl FnOnce(&mut dyn Connection) -> Result<(), SqliteError>,
) -> Result<Box<dyn Connection>, BatchError> {
    let claim = double_open::claim(path)?;
    let explain = |failure| db_file::explain(failure, path);
    let mut connection =
        connect(path, claim, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).map_err(explain)?;
    connection.claim.check_locks()?;
    free_pages::prepare(&mut connection, path).and_then(|()| set_up(&mut connection)).map_err(explain)?;
    Ok(Box::new(connection))
}

/// Opens a database that is there, and leaves its journal as it is. Statements wait up to `patience` for a lock.
///
/// For writing: a connection that only reads would leave a `-wal` and a `-shm` behind. SQLite itself opens it for reading if it may not be written.
pub fn open_as_it_is(path: &Path, patience: Duration) -> Result<Box<dyn Connection>, BatchError> {
    own_locks::install();
    let claim = double_open::claim(path)?;
    let connection = connect(path, claim, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let connection = connection.map_err(|failure| db_file::explain(failure, path))?;
    connection.claim.check_locks()?;
    connection.inner.busy_timeout(patience).map_err(failure)?;
    Ok(Box::new(connection))
}

fn connect(path: &Path, claim: Claimed, flags: OpenFlags) -> Result<Bundled, SqliteError> {
    // Before SQLite opens it: if the file is replaced in between, the next `is_current` notices.
    let file_id = FileId::of(path);
    // No URI flag, and the path is absolute: `file:x?mode=ro` is a name like any other.
    let inner =
        rusqlite::Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failure)?;
    inner.busy_timeout(BUSY_SLICE).map_err(failure)?;
    inner.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(Bundled { inner, claim, path: path.to_owned(), file_id })
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

    fn relax_sync(&mut self) -> bool {
        // Not from the cache: SQLite sets it when the statement is prepared, and not when it runs.
        connection::is_wal(self) && self.inner.pragma_update(None, "synchronous", "NORMAL").is_ok()
    }

    fn restore_sync(&mut self) -> Result<(), SqliteError> {
        self.inner.pragma_update(None, "synchronous", "FULL").map_err(failure)
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
