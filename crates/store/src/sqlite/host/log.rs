//! The write-ahead log of a connection whose commits are not synced, kept from being checkpointed within a commit.
//!
//! SQLite copies a long log into the database, and syncs both, at the end of whichever commit made it too long. A commit on
//! the JavaScript thread must not wait for a disk, so that the writer thread does that, with a statement of its own.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::ffi::{self, sqlite3 as Db};

use super::api::Api;

pub struct Log {
    /// How long it was after the last commit of ours; 0 if it may begin anew with the next, which syncs its header.
    /// Boxed: SQLite keeps the address.
    pages: Box<AtomicI32>,
    /// From so many pages on it is copied; never if not positive. What `wal_autocheckpoint` said.
    limit: i32,
}

impl Log {
    /// Takes the place of the automatic checkpoints of `db`, which had this `limit`.
    ///
    /// # Safety
    /// `db` is an open connection of `api`'s copy, and is closed before the result is dropped.
    pub unsafe fn watch(api: &Api, db: *mut Db, limit: i32) -> Self {
        let pages = Box::new(AtomicI32::new(0));
        let context = (&raw const *pages).cast_mut().cast();
        // SAFETY: as promised; the context lives as long as the connection.
        unsafe { (api.wal_hook)(db, Some(on_commit), context) };
        Log { pages, limit }
    }

    /// Whether the next commit only adds to it, and no checkpoint is due.
    pub fn only_grows(&self) -> bool {
        self.pages.load(Ordering::Relaxed) > 0 && !self.is_full()
    }

    pub fn is_full(&self) -> bool {
        self.limit > 0 && self.pages.load(Ordering::Relaxed) >= self.limit
    }

    /// It was copied, or that was tried.
    pub fn begin_anew(&self) {
        self.pages.store(0, Ordering::Relaxed);
    }
}

/// Called by SQLite within a commit, with the length of the log.
unsafe extern "C" fn on_commit(pages: *mut c_void, _: *mut Db, _: *const c_char, length: c_int) -> c_int {
    // SAFETY: `watch` gave the address, of what lives as long as the connection.
    unsafe { (*pages.cast::<AtomicI32>()).store(length, Ordering::Relaxed) };
    ffi::SQLITE_OK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(pages: i32, limit: i32) -> Log {
        Log { pages: Box::new(AtomicI32::new(pages)), limit }
    }

    #[test]
    fn grows_from_the_first_commit_of_ours_up_to_the_limit() {
        assert!(!log(0, 1000).only_grows(), "its header would be synced");
        assert!(log(1, 1000).only_grows() && log(999, 1000).only_grows());
        assert!(!log(1000, 1000).only_grows() && log(1000, 1000).is_full());
        let log = log(5000, 1000);
        log.begin_anew();
        assert!(!log.only_grows() && !log.is_full());
    }

    #[test]
    fn is_never_copied_where_that_was_turned_off() {
        for limit in [0, -1] {
            assert!(log(1_000_000, limit).only_grows() && !log(1_000_000, limit).is_full());
        }
    }
}
