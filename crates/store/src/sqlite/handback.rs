//! Operations given back: what a guest connection cannot do, but the owner's own connection may.
//!
//! A guest is a second connection to the file of someone else's connection. It lacks whatever the owner added to its
//! own: functions, collations, attached databases.

use std::sync::OnceLock;

use parking_lot::Mutex;
use rusqlite::ffi;

use super::super::Request;
use super::super::error::{ErrorKind, StoreError};
use super::errors::SqliteError;

/// One for each store on a guest connection. From the first operation that the guest cannot do, every operation of that
/// store is given back, in order: had the later ones been done, an earlier one would undo them when it is repeated.
#[derive(Default)]
pub struct HandBack {
    why: OnceLock<String>,
    requests: Mutex<Vec<Request>>,
}

impl HandBack {
    /// From now on everything is given back.
    pub fn begin(&self, why: &str) {
        self.why.get_or_init(|| why.to_owned());
    }

    /// Why everything is given back; nothing as long as it is not.
    pub fn why(&self) -> Option<&str> {
        self.why.get().map(String::as_str)
    }

    pub fn push(&self, request: Request) {
        self.requests.lock().push(request);
    }

    /// What was given back since the last time, in order.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock())
    }
}

/// Whether the owner's connection may succeed where the guest failed so.
pub fn may_succeed_on_user_connection(failure: &SqliteError) -> bool {
    // "no such function", "no such collation sequence", "no such table"; the file was renamed, or is gone by its name.
    matches!(failure.primary(), ffi::SQLITE_ERROR | ffi::SQLITE_CANTOPEN)
        || failure.code == ffi::SQLITE_READONLY_DBMOVED
}

/// What the promise of an operation that was given back is rejected with; `lib/sqlite-host.js` repeats the operation.
pub fn returned() -> StoreError {
    StoreError::new(ErrorKind::HandedBack, "the operation was given back to the owner's connection")
}
