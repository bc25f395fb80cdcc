//! The user's own connection, and what a second connection has to know about it.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::ffi::{self, sqlite3 as Db};

use super::super::db_file::FileId;
use super::super::errors::SqliteError;
use super::api::Api;
use super::connection::Target;
use super::statement::Statement;
use super::wal::WalLength;

/// A second connection, of whatever copy of SQLite, is only known to be safe on the system's files as they are. A cipher
/// build has a VFS of its own, and we would lack the key.
const KNOWN_VFS: [&[u8]; 3] = [b"unix", b"win32", b"win32-longpath"];

/// Settings of a connection that decide what a write does. All of them are numbers.
const PRAGMAS: [&str; 8] = [
    "synchronous",
    "fullfsync",
    "checkpoint_fullfsync",
    "wal_autocheckpoint",
    "foreign_keys",
    "recursive_triggers",
    "ignore_check_constraints",
    "secure_delete",
];

/// In milliseconds. With less, the application's own statements would fail if they meet our commits: so far it had no other
/// writer to wait for.
const LEAST_BUSY_TIMEOUT: u64 = 1000;

/// One of the user's connections. Used on its JavaScript thread only, and only while it is open.
#[derive(Clone, Copy)]
pub struct UserConnection {
    pub api: Api,
    pub db: *mut Db,
}

impl UserConnection {
    /// # Safety
    /// `db` is an open connection of `api`'s copy and belongs to this thread; the result is used only on this thread and
    /// only while it is open.
    pub unsafe fn new(api: Api, db: *mut Db) -> Self {
        UserConnection { api, db }
    }

    pub fn is_in_transaction(&self) -> bool {
        // SAFETY: as promised to `new`.
        unsafe { (self.api.get_autocommit)(self.db) == 0 }
    }

    /// Returns whether a statement is running, such as a row iterator: until it ends, this connection reads data as old as it.
    pub fn is_reading(&self) -> bool {
        // SAFETY: as promised to `new`.
        unsafe { (self.api.txn_state)(self.db, c"main".as_ptr()) != ffi::SQLITE_TXN_NONE }
    }

    /// Returns how to open a second connection like this one, and how long to wait for locks; or why there must be none.
    pub fn target(&self) -> Result<(Target, Duration), String> {
        let filename = self.filename().ok_or("the database is not a file of its own")?;
        let vfs = self.vfs();
        if !KNOWN_VFS.contains(&vfs.to_bytes()) {
            return Err(format!("its file system layer is {vfs:?}, not the system's own"));
        }
        if self.has_moved() {
            return Err("the database file was moved or deleted".into());
        }
        // SAFETY: no arguments.
        if unsafe { (self.api.threadsafe)() } == 0 {
            return Err("its SQLite was compiled for a single thread".into());
        }
        if self.pragma("locking_mode")?.eq_ignore_ascii_case("exclusive") {
            return Err("its locking_mode is EXCLUSIVE".into());
        }
        let busy_timeout: u64 = self.pragma("busy_timeout")?.parse().unwrap_or(0);
        if busy_timeout < LEAST_BUSY_TIMEOUT {
            return Err(format!("its busy timeout is {busy_timeout} ms; {LEAST_BUSY_TIMEOUT} are needed"));
        }
        let triggers = self.value("SELECT count(*) FROM temp.sqlite_master WHERE type = 'trigger'")?;
        if triggers != "0" {
            return Err("it has temporary triggers, which no other connection would fire".into());
        }
        let mut pragmas = Vec::new();
        for name in PRAGMAS {
            let value = self.pragma(name)?;
            // Skips a pragma that this version does not know.
            if value.parse::<i64>().is_ok() {
                pragmas.push((name, value));
            }
        }
        let path = path_of(&filename);
        let file_id = FileId::of(&path);
        // SAFETY: as promised to `new`.
        let is_read_only = unsafe { (self.api.db_readonly)(self.db, c"main".as_ptr()) == 1 };
        let number = |wanted| -> Option<i32> {
            let (_, value) = pragmas.iter().find(|(name, _)| *name == wanted)?;
            value.parse().ok()
        };
        // OFF or NORMAL: FULL and EXTRA sync each commit.
        let is_unsynced = matches!(number("synchronous"), Some(0 | 1));
        let length = WalLength::new(number("wal_autocheckpoint").unwrap_or(0));
        let target = Target {
            api: self.api,
            filename,
            vfs,
            is_read_only,
            pragmas,
            path,
            file_id,
            is_wal: Arc::default(),
            wal: (is_unsynced && !is_read_only).then(|| Arc::new(length)),
        };
        Ok((target, Duration::from_millis(busy_timeout)))
    }

    fn filename(&self) -> Option<CString> {
        // SAFETY: as promised to `new`; the result is null or a text that lives as long as the connection.
        let name = unsafe {
            let name = (self.api.db_filename)(self.db, c"main".as_ptr());
            if name.is_null() { c"" } else { CStr::from_ptr(name) }
        };
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn vfs(&self) -> CString {
        let mut name: *mut c_char = ptr::null_mut();
        self.ask(ffi::SQLITE_FCNTL_VFSNAME, (&raw mut name).cast());
        if name.is_null() {
            return CString::default();
        }
        // SAFETY: VFSNAME returns a text of SQLite's own allocator, which the caller frees.
        unsafe {
            let owned = CStr::from_ptr(name).to_owned();
            (self.api.free)(name.cast());
            owned
        }
    }

    fn has_moved(&self) -> bool {
        let mut moved: c_int = 0;
        self.ask(ffi::SQLITE_FCNTL_HAS_MOVED, (&raw mut moved).cast());
        moved != 0
    }

    fn ask(&self, question: c_int, answer: *mut c_void) {
        // SAFETY: as promised to `new`. Both questions write one value of the type that their callers point at, or none.
        unsafe { (self.api.file_control)(self.db, c"main".as_ptr(), question, answer) };
    }

    fn pragma(&self, name: &str) -> Result<String, String> {
        self.value(&format!("PRAGMA {name}"))
    }

    /// Returns the first column of the first row; empty if there is no row.
    fn value(&self, sql: &str) -> Result<String, String> {
        // SAFETY: as promised to `new`; the statement does not outlive this call.
        let result = unsafe { Statement::prepare(self.api, self.db, sql) }.and_then(|mut statement| statement.first());
        result.map_err(|SqliteError { message, .. }| format!("it refuses {sql}: {message}"))
    }
}

#[cfg(unix)]
fn path_of(filename: &CStr) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(filename.to_bytes()).into()
}

#[cfg(not(unix))]
fn path_of(filename: &CStr) -> PathBuf {
    filename.to_string_lossy().into_owned().into()
}
