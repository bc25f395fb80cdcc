//! Operations that are handed back: the sidecar cannot do them, but the user's own connection may.
//!
//! The sidecar is a second connection to the user's file. It lacks whatever the user added to the first one: functions,
//! collations, attached databases.

use std::sync::OnceLock;

use parking_lot::Mutex;
use rusqlite::ffi;

use super::super::Request;
use super::super::error::{ErrorKind, StoreError};
use super::errors::SqliteError;

/// One for each store on a sidecar.
///
/// From the first operation that the sidecar cannot do, it hands back every operation of that store. If it did the later
/// ones, an earlier one would undo them when JavaScript repeats it. So the ones handed back are always the last submitted.
#[derive(Default)]
pub struct HandBack {
    why: OnceLock<String>,
    requests: Mutex<Vec<Request>>,
}

impl HandBack {
    /// From now on everything is handed back.
    pub fn begin(&self, why: &str) {
        self.why.get_or_init(|| why.to_owned());
    }

    /// Returns why everything is handed back; `None` if nothing is.
    pub fn why(&self) -> Option<&str> {
        self.why.get().map(String::as_str)
    }

    /// Adds one operation. To be called before its ticket is settled.
    pub fn add(&self, request: Request) {
        self.requests.lock().push(request);
    }

    /// Takes the operations that were handed back since the last time, in order.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock())
    }
}

/// Returns whether the user's connection may succeed where the sidecar failed with `error`.
pub fn may_succeed_on_user_connection(error: &SqliteError) -> bool {
    // "no such function", "no such collation sequence", "no such table"; the file was renamed, or is gone by its name.
    matches!(error.primary(), ffi::SQLITE_ERROR | ffi::SQLITE_CANTOPEN) || error.code == ffi::SQLITE_READONLY_DBMOVED
}

/// Returns the error of an operation that was handed back. JavaScript catches it and repeats the operation.
pub fn handed_back() -> StoreError {
    StoreError::new(ErrorKind::HandedBack, "the operation was handed back to the user's connection")
}
