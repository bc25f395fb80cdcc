//! Tells whether a backup of a connection of this thread is running.
//!
//! SQLite begins a backup anew when another connection commits, so that saves on ours would keep it from ever ending. What
//! the connection itself writes is copied along. SQLite has no way to ask a connection for its backups. But each has a
//! connection of its own for the copy, which holds the write lock from the first step to the last without any statement.

use std::ffi::{CString, c_void};
use std::ptr;
use std::thread::{self, ThreadId};

use parking_lot::Mutex;
use rusqlite::ffi::{self, sqlite3 as Db};

use super::api::Api;

/// A connection that was opened after the first operation of a storage, and may be there for a copy.
struct Opened {
    api: &'static Api,
    db: *mut Db,
    thread: ThreadId,
}

// SAFETY: `db` is used under the lock of `OPENED`, which `on_close` takes before the connection is gone, and only on the thread
// that opened it. With better-sqlite3 that thread alone uses it. node:sqlite runs the steps on others, but opens and closes it
// there, and its SQLite guards each connection with a mutex.
unsafe impl Send for Opened {}

static OPENED: Mutex<Vec<Opened>> = Mutex::new(Vec::new());

/// Remembers a connection of this thread until it closes.
///
/// # Safety
/// `db` is an open connection of `api`'s copy of SQLite, of this thread.
pub unsafe fn opened(api: &'static Api, db: *mut Db) {
    OPENED.lock().push(Opened { api, db, thread: thread::current().id() });
    // SAFETY: as promised. `on_close` is called once, with the address: when the connection closes, or now if SQLite has no
    // memory for it.
    unsafe { (api.set_clientdata)(db, key().as_ptr(), db.cast(), Some(on_close)) };
}

/// Forgets a connection of our own. It is no copy, and other threads use it.
///
/// # Safety
/// `db` is an open connection of `api`'s copy of SQLite, and used by nobody else.
pub unsafe fn forget(api: &Api, db: *mut Db) {
    // SAFETY: as promised. It calls `on_close`, if the connection is known.
    unsafe { (api.set_clientdata)(db, key().as_ptr(), ptr::null_mut(), None) };
}

/// Returns whether a backup is running that this thread began after the first operation of a storage.
pub fn is_running(api: &Api) -> bool {
    let mut all = OPENED.lock();
    if all.is_empty() {
        return false;
    }
    let here = thread::current().id();
    // A connection with a statement is there for another purpose. Programs may have hundreds: each is looked at once.
    // SAFETY: it is open, as `on_close` would wait for the lock.
    all.retain(|one| one.thread != here || unsafe { (one.api.next_stmt)(one.db, ptr::null_mut()).is_null() });
    all.iter().any(|one| one.thread == here && one.api.is(api) && one.is_written_by_backup())
}

impl Opened {
    fn is_written_by_backup(&self) -> bool {
        // SAFETY: it is open, as `on_close` would wait for the lock.
        unsafe {
            let is_written = (self.api.txn_state)(self.db, c"main".as_ptr()) == ffi::SQLITE_TXN_WRITE;
            // Otherwise the user has begun a transaction there.
            is_written && (self.api.get_autocommit)(self.db) != 0
        }
    }
}

/// Another copy of this package may watch the same connection, so each has a key of its own.
fn key() -> CString {
    CString::new(format!("flowkit-storage {:p}", &raw const OPENED)).unwrap_or_default()
}

unsafe extern "C" fn on_close(db: *mut c_void) {
    OPENED.lock().retain(|one| one.db != db.cast());
}

/// Returns how many connections of this thread are remembered.
#[cfg(test)]
pub fn known_here() -> usize {
    let here = thread::current().id();
    OPENED.lock().iter().filter(|one| one.thread == here).count()
}
