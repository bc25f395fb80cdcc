//! A connection of our own to the user's file, through the user's copy of SQLite.
//!
//! Never through the bundled copy: without OFD locks (`own_locks`) two copies in one process do not see each other, and destroy
//! the file (measured: within 36 commits).

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_int};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::ffi::{self, sqlite3 as Db};

use super::super::bundled::BUSY_SLICE;
use super::super::connection::{Connection, Param, Row, is_wal};
use super::super::db_file::FileId;
use super::super::errors::{BatchError, SqliteError};
use super::super::statements::Statements;
use super::api::Api;
use super::backups;
use super::statement::{Statement, failure};
use super::wal::{WalHook, WalLength};

/// Where, and how, to open.
#[derive(Clone)]
pub struct Target {
    pub api: Api,
    /// As the user's connection knows it: absolute, symbolic links resolved.
    pub filename: CString,
    pub vfs: CString,
    pub is_read_only: bool,
    /// Copied from the user's connection: `PRAGMA name = value`.
    pub pragmas: Vec<(&'static str, String)>,
    pub path: PathBuf,
    /// The file that the user's connection has open.
    pub file_id: FileId,
    /// The database was last seen in WAL mode, in which readers do not wait for writers.
    pub is_wal: Arc<AtomicBool>,
    /// `None` if commits are synced, or if nothing can be written.
    pub wal: Option<Arc<WalLength>>,
}

impl Target {
    /// Returns the user's value of a pragma that is copied.
    fn pragma(&self, wanted: &str) -> Option<&str> {
        self.pragmas.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
    }
}

pub struct SidecarConnection {
    api: Api,
    db: *mut Db,
    /// By their SQL. Few: three for each table, and some of the writer's own.
    statements: HashMap<String, Statement>,
    path: PathBuf,
    file_id: FileId,
    /// The user's `PRAGMA synchronous`, as a number.
    synchronous: String,
    /// Dropped after the connection is closed.
    wal_hook: Option<Box<WalHook>>,
    on_close: Option<Box<dyn FnOnce() + Send>>,
}

// SAFETY: the connection, its statements and its hook belong to nothing but this value, and SQLite, compiled for threads
// (`user_connection` asks), lets any thread use them, one at a time: `&mut` sees to that.
unsafe impl Send for SidecarConnection {}

/// Opens another connection to the user's file.
pub fn open(target: &Target) -> Result<SidecarConnection, BatchError> {
    // If the file was renamed, or deleted and made anew, since the user opened it, its name leads to another file.
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
        synchronous: target.pragma("synchronous").unwrap_or_default().to_owned(),
        wal_hook: None,
        on_close: None,
    };
    for (name, value) in &target.pragmas {
        connection.execute(&format!("PRAGMA {name} = {value}"))?;
    }
    let journal = connection.statement("PRAGMA journal_mode")?.first()?;
    target.is_wal.store(journal.eq_ignore_ascii_case("wal"), Ordering::Relaxed);
    Ok(connection)
}

/// Opens without the URI flag (for better-sqlite3 `file:x?mode=ro` is a file's name like any other) and without CREATE (a
/// database that was deleted since must not come back empty).
fn open_raw(api: &Api, filename: &CStr, vfs: &CStr, flags: c_int) -> Result<*mut Db, SqliteError> {
    let mut db = ptr::null_mut();
    // SAFETY: both texts are NUL-terminated and only read during the call; the VFS is registered in that copy, as the
    // user's own connection uses it.
    let code = unsafe { (api.open)(filename.as_ptr(), &mut db, flags, vfs.as_ptr()) };
    if code != ffi::SQLITE_OK {
        // SAFETY: a failed open may still return a connection, which knows why and has to be closed; close takes null.
        let failure = unsafe { failure(api, db, code) };
        // SAFETY: as above; not used afterwards.
        unsafe { (api.close)(db) };
        return Err(failure);
    }
    // SAFETY: an open connection that nothing else knows. If a JavaScript thread opens it, `transaction_hook` watches it like
    // the user's own; but our own statements must not pause the writer.
    unsafe {
        (api.busy_timeout)(db, busy_slice());
        (api.trace)(db, 0, None, ptr::null_mut());
        backups::forget(api, db);
    }
    Ok(db)
}

fn busy_slice() -> c_int {
    c_int::try_from(BUSY_SLICE.as_millis()).unwrap_or(c_int::MAX)
}

impl SidecarConnection {
    /// Reports the length of the WAL from now on. `checkpoints`: a commit of this connection copies a WAL that is too long, as
    /// SQLite would by itself. Returns whether the database is such that its length matters.
    pub fn watch_wal(&mut self, target: &Target, checkpoints: bool) -> bool {
        if let Some(length) = &target.wal
            && target.is_wal.load(Ordering::Relaxed)
        {
            // SAFETY: the connection is open and ours alone. `drop` closes it before the fields are dropped.
            self.wal_hook = Some(unsafe { WalHook::install(self.api, self.db, length.clone(), checkpoints) });
        }
        self.wal_hook.is_some()
    }

    /// A lock held by others is reported immediately from now on.
    pub fn never_wait(&mut self) {
        // SAFETY: the connection is open and ours alone.
        unsafe { (self.api.busy_timeout)(self.db, 0) };
    }

    /// Calls `action` before the connection closes.
    pub fn on_close(&mut self, action: Box<dyn FnOnce() + Send>) {
        self.on_close = Some(action);
    }

    /// Prepares the statements, which shows whether this connection can do what the user's can.
    pub fn probe(&mut self, statements: &Statements) -> Result<(), SqliteError> {
        statements.all().into_iter().try_for_each(|statement| self.statement(&statement.sql).map(drop))
    }

    /// Not from the map: SQLite sets it when the statement is prepared, and not when it runs.
    fn set_synchronous(&mut self, level: &str) -> Result<(), SqliteError> {
        let sql = format!("PRAGMA synchronous = {level}");
        // SAFETY: the connection is open and ours alone, and the statement is dropped at the end of this function.
        let mut statement = unsafe { Statement::prepare(self.api, self.db, &sql) }?;
        statement.run(&[]).map(drop)
    }

    fn statement(&mut self, sql: &str) -> Result<&mut Statement, SqliteError> {
        if !self.statements.contains_key(sql) {
            // SAFETY: the connection is open and ours alone. It closes in `drop`, after all its statements are finalized.
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

    fn relax_sync(&mut self) -> bool {
        // OFF and NORMAL wait for no disk anyway.
        matches!(self.synchronous.as_str(), "2" | "3") && is_wal(self) && self.set_synchronous("1").is_ok()
    }

    fn restore_sync(&mut self) -> Result<(), SqliteError> {
        let level = self.synchronous.clone();
        self.set_synchronous(&level)
    }
}

impl Drop for SidecarConnection {
    fn drop(&mut self) {
        if let Some(action) = self.on_close.take() {
            action();
        }
        self.statements.clear();
        // SAFETY: opened by `open_raw`, closed nowhere else; no statement of it is left.
        unsafe { (self.api.close)(self.db) };
    }
}
