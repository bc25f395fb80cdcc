//! A connection of our own to the owner's file, through the owner's copy of SQLite.
//!
//! Never through the bundled copy: POSIX locks belong to the process, so that two copies in one process do not see each
//! other's locks and destroy the file (measured: within 36 commits).

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_int};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::ffi::{self, sqlite3 as Db};

use super::super::bundled::BUSY_SLICE;
use super::super::connection::{Connection, Param, Row};
use super::super::db_file::FileId;
use super::super::errors::{BatchError, SqliteError};
use super::super::statements::Statements;
use super::api::Api;
use super::statement::{Statement, failure};

/// Where, and how, to open.
#[derive(Clone)]
pub struct Target {
    pub api: Api,
    /// As the owner's connection knows it: absolute, symbolic links resolved.
    pub filename: CString,
    pub vfs: CString,
    pub is_read_only: bool,
    /// Copied from the owner's connection: `PRAGMA name = value`.
    pub pragmas: Vec<(&'static str, String)>,
    pub path: PathBuf,
    /// The file that the owner has open.
    pub file_id: FileId,
    /// Whether the file was last seen in WAL mode, in which nobody who reads waits for those who write.
    pub is_wal: Arc<AtomicBool>,
}

pub struct SidecarConnection {
    api: Api,
    db: *mut Db,
    /// By their SQL. Few: three for each table, and some of the writer's own.
    statements: HashMap<String, Statement>,
    path: PathBuf,
    file_id: FileId,
}

// SAFETY: the connection and its statements belong to nothing but this value, and SQLite, compiled for threads (`owner`
// asks), lets any thread use them, one at a time: `&mut` sees to that.
unsafe impl Send for SidecarConnection {}

/// Opens another connection to the owner's file.
pub fn open(target: &Target) -> Result<SidecarConnection, BatchError> {
    // Renamed or deleted and made anew since the owner opened it: by its name we would find another file.
    if FileId::of(&target.path) != target.file_id {
        return Err(SqliteError::new(ffi::SQLITE_READONLY_DBMOVED, "the database file was moved").into());
    }
    let access = if target.is_read_only { ffi::SQLITE_OPEN_READONLY } else { ffi::SQLITE_OPEN_READWRITE };
    let mut connection = SidecarConnection {
        api: target.api,
        db: open_raw(&target.api, &target.filename, &target.vfs, access | ffi::SQLITE_OPEN_NOMUTEX)?,
        statements: HashMap::new(),
        path: target.path.clone(),
        file_id: target.file_id,
    };
    for (name, value) in &target.pragmas {
        connection.execute(&format!("PRAGMA {name} = {value}"))?;
    }
    let journal = connection.statement("PRAGMA journal_mode")?.first()?;
    let is_wal = journal.eq_ignore_ascii_case("wal");
    target.is_wal.store(is_wal, Ordering::Relaxed);
    Ok(connection)
}

/// Neither the URI flag (`file:x?mode=ro` is a file's name like any other for better-sqlite3) nor CREATE (a database
/// that was deleted meanwhile must not come back empty).
fn open_raw(api: &Api, filename: &CStr, vfs: &CStr, flags: c_int) -> Result<*mut Db, SqliteError> {
    let mut db = ptr::null_mut();
    // SAFETY: both texts are NUL-terminated and only read during the call; the VFS is registered in that copy, as the
    // owner's own connection uses it.
    let code = unsafe { (api.open)(filename.as_ptr(), &mut db, flags, vfs.as_ptr()) };
    if code != ffi::SQLITE_OK {
        // SAFETY: even a failed open may answer a connection, which tells why and has to be closed; close takes null.
        let failure = unsafe { failure(api, db, code) };
        // SAFETY: as above; not used afterwards.
        unsafe { (api.close)(db) };
        return Err(failure);
    }
    // SAFETY: an open connection that nobody else knows. On a thread of the user's it is watched like the user's own
    // (`watch`), but must not have our writers make way.
    unsafe {
        (api.busy_timeout)(db, busy_slice());
        (api.trace)(db, 0, None, ptr::null_mut());
    }
    Ok(db)
}

fn busy_slice() -> c_int {
    c_int::try_from(BUSY_SLICE.as_millis()).unwrap_or(c_int::MAX)
}

impl SidecarConnection {
    /// Prepares the statements for `table`, which shows whether this connection can do what the owner's can.
    pub fn probe(&mut self, statements: &Statements) -> Result<(), SqliteError> {
        statements.all().into_iter().try_for_each(|statement| self.statement(&statement.sql).map(drop))
    }

    fn statement(&mut self, sql: &str) -> Result<&mut Statement, SqliteError> {
        if !self.statements.contains_key(sql) {
            // SAFETY: the connection is open and ours alone. It closes in `drop`, after all its statements.
            let statement = unsafe { Statement::prepare(self.api, self.db, sql) }?;
            self.statements.insert(sql.to_owned(), statement);
        }
        Ok(self.statements.get_mut(sql).expect("it was just inserted"))
    }
}

impl Connection for SidecarConnection {
    fn run(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, SqliteError> {
        self.statement(sql)?.run(params)
    }

    fn in_transaction(&self) -> bool {
        // SAFETY: the connection is open and ours alone.
        unsafe { (self.api.get_autocommit)(self.db) == 0 }
    }

    fn is_current(&self) -> bool {
        FileId::of(&self.path) == self.file_id
    }

    fn is_sidecar(&self) -> bool {
        true
    }
}

impl Drop for SidecarConnection {
    fn drop(&mut self) {
        self.statements.clear();
        // SAFETY: opened by `open_raw`, closed nowhere else; no statement of it is left.
        unsafe { (self.api.close)(self.db) };
    }
}
