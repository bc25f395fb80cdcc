//! The length of the WAL, and who copies it into the database, if commits are not synced.
//!
//! SQLite copies a long WAL into the database, and syncs both, at the end of the commit that made it too long. The commit
//! after that begins the WAL anew and syncs its header. A commit on the JavaScript thread must not wait for the disk, so both
//! are left to commits on the writer thread.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::ffi::{self, sqlite3 as Db};

use super::api::Api;

/// The length of one database's WAL, as our commits see it. A checkpoint by another process, or by the user's own commit,
/// remains unseen until our next commit.
#[derive(Debug)]
pub struct WalLength {
    /// After our last commit; 0 if that is unknown or if the next commit may begin the WAL anew.
    pages: AtomicI32,
    /// It is copied from this length on, or never if this is not positive: `PRAGMA wal_autocheckpoint`.
    limit: i32,
}

impl WalLength {
    pub fn new(limit: i32) -> Self {
        WalLength { pages: AtomicI32::new(0), limit }
    }

    /// Returns whether the next commit only adds to the WAL, and no checkpoint is due.
    pub fn has_room(&self) -> bool {
        let pages = self.pages.load(Ordering::Relaxed);
        pages > 0 && !self.is_full(pages)
    }

    fn is_full(&self, pages: i32) -> bool {
        self.limit > 0 && pages >= self.limit
    }

    fn set(&self, pages: i32) {
        self.pages.store(pages, Ordering::Relaxed);
    }
}

/// Reports the commits of one connection, and takes the place of its automatic checkpoints.
pub struct WalHook {
    api: Api,
    length: Arc<WalLength>,
    /// A commit of this connection copies a WAL that is too long.
    checkpoints: bool,
}

impl WalHook {
    /// # Safety
    /// `db` is an open connection of `api`'s copy, used by this thread alone, and is closed before the result is dropped.
    pub unsafe fn install(api: Api, db: *mut Db, length: Arc<WalLength>, checkpoints: bool) -> Box<Self> {
        if checkpoints {
            // The connection was opened just now: others may have emptied the WAL.
            length.set(0);
        }
        let hook = Box::new(WalHook { api, length, checkpoints });
        // SAFETY: as promised; the context lives as long as the connection and is only read.
        unsafe { (api.wal_hook)(db, Some(on_commit), (&raw const *hook).cast_mut().cast()) };
        hook
    }
}

/// Called by SQLite at the end of a commit, with the length of the WAL, as its own automatic checkpoint is.
unsafe extern "C" fn on_commit(hook: *mut c_void, db: *mut Db, name: *const c_char, pages: c_int) -> c_int {
    // SAFETY: `install` gave the address of what lives as long as the connection.
    let WalHook { api, length, checkpoints } = unsafe { &*hook.cast::<WalHook>() };
    if !checkpoints || !length.is_full(pages) {
        length.set(pages);
        return ffi::SQLITE_OK;
    }
    // Before the copy: no commit on the JavaScript thread may slip in behind it and begin the WAL anew.
    length.set(0);
    let (mut total, mut copied) = (0, 0);
    // SAFETY: SQLite passes its own connection, and allows a checkpoint here.
    let code = unsafe { (api.wal_checkpoint)(db, name, ffi::SQLITE_CHECKPOINT_PASSIVE, &mut total, &mut copied) };
    // An error is not the commit's: the next commit tries again.
    if code != ffi::SQLITE_OK || copied < total {
        length.set(pages);
    }
    ffi::SQLITE_OK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(pages: i32, limit: i32) -> WalLength {
        WalLength { pages: AtomicI32::new(pages), limit }
    }

    #[test]
    fn has_room_from_our_first_commit_up_to_the_limit() {
        assert!(!length(0, 1000).has_room(), "its header would be synced");
        assert!(length(1, 1000).has_room() && length(999, 1000).has_room());
        assert!(!length(1000, 1000).has_room());
    }

    #[test]
    fn always_has_room_if_checkpoints_are_turned_off() {
        for limit in [0, -1] {
            assert!(length(1_000_000, limit).has_room());
        }
    }
}
